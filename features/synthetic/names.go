package synthetic

import "strconv"

// industry is a trade of the town; its season peaks at a day of the year.
type industry struct {
	name, zh        string
	peak, amplitude float64
	weight          float64
}

var industries = []industry{
	{"construction", "建筑", 175, 0.40, 5},
	{"workshops", "机修", 120, 0.15, 4},
	{"manufacturing", "制造", 280, 0.12, 4},
	{"facility services", "物业", 60, 0.10, 3},
	{"retail", "五金", 320, 0.45, 3},
	{"agriculture", "农业", 110, 0.50, 2},
	{"logistics", "物流", 315, 0.30, 2},
	{"public sector", "公用", 330, 0.35, 1},
}

// segment is a size of account.
type segment struct {
	name string
	// gap scales the days between orders, lines the basket, quantity the amounts.
	gap, lines, quantity float64
	// visitDays is the mean number of days between visits.
	visitDays float64
	contract  float64 // probability of having contracts
	discount  float64 // usual discount
	weight    float64
}

var segments = []segment{
	{"small", 1.25, 2.2, 2, 230, 0.08, 0.02, 50},
	{"medium", 1.0, 3.4, 5, 110, 0.25, 0.05, 32},
	{"large", 0.75, 5.0, 11, 55, 0.50, 0.08, 14},
	{"key", 0.55, 6.5, 24, 30, 0.75, 0.12, 4},
}

var (
	regions     = []string{"north", "east", "south", "west", "coast", "华东", "华南"}
	departments = []string{"field sales", "inside sales", "key accounts"}
	channels    = []string{"web", "phone", "rep", "edi"}
	kindsOfFirm = []string{"company", "cooperative", "sole trader", "public body"}
	managers    = []string{
		"Anna Berg", "Ben Carter", "Chiara Rossi", "David Novak", "Elif Kaya", "Farid Haddad", "Greta Lind", "Hugo Silva",
		"Ines Moreau", "Jonas Weber", "Kim Janssen", "Laura Costa", "王芳", "李伟", "张敏", "刘洋",
		"Marek Dvořák", "Nora Kelly", "Oscar Lund", "Paula Vega", "陈静", "赵磊", "Rita Horvat", "Søren Holm",
	}
	firstWords = []string{
		"Harbour", "Mill", "Northgate", "Bridge", "Oak", "Summit", "River", "Granite", "Beacon", "Orchard", "Falcon", "Castle",
		"Copper", "Meadow", "Station", "Anchor", "Birch", "Lantern", "Quarry", "Windmill", "Juniper", "Market", "Forge", "Lakeside",
	}
	secondWords = []string{
		"Builders", "Tools", "Works", "Supply", "Engineering", "Services", "Fittings", "Farms", "Logistics", "Interiors", "Metal", "Electric",
	}
	// legalForms tell in which country a firm sits.
	legalForms = []struct{ name, country string }{
		{"Ltd", "GB"}, {"GmbH", "DE"}, {"& Sons", "GB"}, {"SARL", "FR"}, {"Co.", "DE"}, {"AB", "SE"}, {"s.r.o.", "CZ"}, {"Coop", "DE"},
	}
	cities = []string{"宁波", "上海", "苏州", "广州", "深圳", "杭州", "青岛", "厦门", "佛山", "无锡"}
	brands = []string{"海天", "金诚", "华盛", "东方", "永兴", "瑞丰", "长城", "恒通", "四海", "新源", "正大", "明达"}
	firms  = []string{"有限公司", "股份有限公司", "合作社", "厂"}
)

// nameOf invents a name, a quarter of them in Chinese. The number makes it the
// account's own once the words run out. The country fits the name.
func nameOf(d *draw, index int, trade industry) (name, country string) {
	suffix := ""
	if index >= 200 {
		suffix = " " + strconv.Itoa(index)
	}
	if d.chance(0.25) {
		return cities[d.IntN(len(cities))] + brands[d.IntN(len(brands))] + trade.zh + firms[d.IntN(len(firms))] + suffix, china
	}
	first, second, legal := firstWords[d.IntN(len(firstWords))], secondWords[d.IntN(len(secondWords))], legalForms[d.IntN(len(legalForms))]
	return first + " " + second + suffix + " " + legal.name, legal.country
}
