package synthetic

import (
	"slices"

	"fealty/features"
)

// person is somebody at an account. until is never for those who are still there.
type person struct {
	number                 int
	name, role             string
	since, until, recorded int64
}

// The roles of people, as they matter to us.
const (
	buyer         = "buyer"
	decisionMaker = "decision maker"
	user          = "user"
	payer         = "payer"
)

var (
	givenNames  = []string{"Alice", "Bruno", "Clara", "Dario", "Eva", "Felix", "Gina", "Henrik", "Irene", "Jakub", "Katja", "Luis", "Mila", "Noah", "Olga", "Pierre"}
	familyNames = []string{"Adler", "Baker", "Conti", "Dubois", "Ek", "Fischer", "Gruber", "Hughes", "Ivanov", "Jansen", "Kraus", "Lopez", "Meyer", "Nilsson", "Olsen", "Petit"}
	chineseHead = []string{"王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙"}
	chineseTail = []string{"伟", "芳", "敏", "静", "强", "磊", "军", "洋", "艳", "勇", "杰", "娟", "涛", "明", "超", "秀英"}
)

func personName(d *draw, p *profile) string {
	if p.chinese {
		return oneOf(d, chineseHead...) + oneOf(d, chineseTail...)
	}
	return oneOf(d, givenNames...) + " " + oneOf(d, familyNames...)
}

// people draws who is who at an account: a buyer always, whom a changed buyer
// follows; others more often in larger ones, and they change without harm.
func (t *Town) people(d *draw, p *profile, out []person) []person {
	d.reset(t.params.Seed, forPeople, p.index)
	out = out[:0]
	add := func(role string, since int64) {
		out = append(out, person{number: len(out) + 1, name: personName(d, p), role: role, since: since, until: never, recorded: since})
	}
	// follow lets somebody take over from the newest person.
	follow := func(role string, at int64) {
		since := at + int64(d.between(0, 14)*daySeconds)
		learnt := since + int64(d.logNormal(6, 0.8)*daySeconds)
		out[len(out)-1].until = at
		if since < t.end {
			add(role, since)
			out[len(out)-1].recorded = learnt
		}
	}
	add(buyer, p.opened)
	for i := range p.episodes {
		if e := &p.episodes[i]; e.cause == changedBuyer && e.from > out[len(out)-1].since && out[len(out)-1].until == never {
			follow(buyer, e.from)
		}
	}
	size := 0.15 * float64(p.segment)
	if d.chance(0.4 + size) {
		add(decisionMaker, p.opened)
	}
	if d.chance(0.5 + size) {
		add(user, p.opened)
		for at := max(p.opened, t.start) + int64(d.ExpFloat64()*1500*daySeconds); at < t.end && out[len(out)-1].until == never; at += int64(d.ExpFloat64() * 1500 * daySeconds) {
			if at > out[len(out)-1].since {
				follow(user, at)
			}
		}
	}
	if d.chance(0.6 + size) {
		add(payer, p.opened)
	}
	return out
}

// holder returns the number of who has a role at an instant, the buyer's for
// want of another, 0 when nobody is there.
func holder(people []person, role string, at int64) int {
	is := func(role string) func(person) bool {
		return func(h person) bool { return h.role == role && h.since <= at && at < h.until }
	}
	i := slices.IndexFunc(people, is(role))
	if i < 0 {
		i = slices.IndexFunc(people, is(buyer))
	}
	if i < 0 {
		return 0
	}
	return people[i].number
}

func writePeople(s *stream) {
	p := &s.profile
	s.people = s.town.people(s.draw, p, s.people)
	for i := range s.people {
		h := &s.people[i]
		put(s, "id", s.code('H', int64(h.number)))
		put(s, "account", p.id)
		put(s, "name", h.name)
		put(s, "role", h.role)
		put(s, "since", h.since)
		putTime(s, "until", h.until)
		put(s, features.RecordedAt, h.recorded)
		s.end()
	}
}

// writeManagers writes one manager of ours, who is known by the name that the
// accounts carry. Departments go round; the first of each leads it.
func writeManagers(s *stream, index int) bool {
	if index >= len(managers) {
		return false
	}
	of := index % len(departments)
	put(s, "manager", managers[index])
	put(s, "name", managers[index])
	put(s, "department", departments[of])
	if index != of {
		put(s, "lead", managers[of])
	}
	put(s, features.RecordedAt, s.town.start)
	s.end()
	return true
}
