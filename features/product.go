package features

// Product is what can be bought, by its id. Name is what people call it, "" where nobody
// says.
type Product struct{ ID, Name string }
