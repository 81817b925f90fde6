package score

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	"fealty/model"

	"pgregory.net/rapid"
)

// drawWorth fills every field of a worth, some with what is not told.
func drawWorth(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "b", "ab", "\xff"}).Draw(t, name))
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{math.NaN(), 0, 1, .1, -2}).Draw(t, name))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 2).Draw(t, name))
	case reflect.Struct:
		for i := range v.NumField() {
			drawWorth(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, name), 2))
		for i := range v.Len() {
			drawWorth(t, v.Index(i), fmt.Sprintf("%s[%d]", name, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"k", "kk"} {
			if rapid.Bool().Draw(t, name+key) {
				v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(model.Figure(rapid.SampledFrom([]float64{0, 1, .5}).Draw(t, name+key+" is"))))
			}
		}
	default:
		t.Fatalf("%s is of kind %s", name, v.Kind())
	}
}

// plain is a worth as a text of another making: NaN, 0 of whole numbers and what is
// empty are all "nothing".
func plain(v reflect.Value) string {
	switch v.Kind() { //nolint:exhaustive // a worth has no others
	case reflect.String:
		return fmt.Sprintf("%q", string([]rune(v.String())))
	case reflect.Float64:
		return fmt.Sprint(v.Float())
	case reflect.Struct:
		all := "{"
		for _, field := range v.Fields() {
			all += plain(field) + ","
		}
		return all + "}"
	case reflect.Slice:
		all := "["
		for i := range v.Len() {
			all += plain(v.Index(i)) + ","
		}
		return all + "]"
	}
	return fmt.Sprint(v.Interface()) // of maps in the order of their keys
}

// Two worths have one digest exactly when they tell the same, and the lists that are kept
// as JSON tell the same when they were read back.
func TestDigestTellsWorthsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Worth
		drawWorth(t, reflect.ValueOf(&a).Elem(), "w")
		a.Hash = ""
		b := a
		back := func(list any) {
			raw, err := json.Marshal(list)
			if err == nil {
				err = json.Unmarshal(raw, list)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		b.Wallets, b.Loyalty.Indicators, b.Place.Because = append([]Wallet(nil), a.Wallets...), append([]Indicator(nil), a.Loyalty.Indicators...), append([]Ground(nil), a.Place.Because...)
		back(&b.Wallets)
		back(&b.Loyalty.Indicators)
		back(&b.Place.Because)
		b.Hash = "whatever"
		if a.Digest() != b.Digest() {
			t.Fatalf("%+v has digest %s, and read back %s", a, a.Digest(), b.Digest())
		}
		b.Hash = ""
		of := []reflect.Value{reflect.ValueOf(&b.Lifetime), reflect.ValueOf(&b.Place), reflect.ValueOf(&b.Loyalty), reflect.ValueOf(&b.Wallet), reflect.ValueOf(&b.Recommendations)}
		drawWorth(t, rapid.SampledFrom(of).Draw(t, "part").Elem(), "other")
		if same := plain(reflect.ValueOf(a)) == plain(reflect.ValueOf(b)); same != (a.Digest() == b.Digest()) {
			t.Fatalf("the digests %s and %s are of\n%s\n%s", a.Digest(), b.Digest(), plain(reflect.ValueOf(a)), plain(reflect.ValueOf(b)))
		}
	})
}
