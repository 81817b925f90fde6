package main

import (
	"fmt"
	"time"

	"fealty/features"
	"fealty/serving"

	"github.com/spf13/cobra"
)

type dataHolidaysOptions struct {
	countries []string
	from, to  int
}

func newDataHolidays(e *env) *cobra.Command {
	o := dataHolidaysOptions{}
	c := &cobra.Command{
		Use: "holidays", Short: "Write the public holidays of China or Germany, to be imported as holidays", Args: none,
		Long: fmt.Sprintf(`Calculates the public holidays of China (CN) and Germany (DE), years %d to %d: by the law of each year, by the moon and the
sun, and by Easter. The country is written as accounts.country must have it. For China it writes the days of the law and
the seven days, with New Year's Eve since 2025 eight, to which the weeks of Lunar New Year and of the National Day are made
up; each year's notice of the State Council may begin or end a week otherwise: change those rows before you import them. Germany has the days
that are holidays in every Land. Every day counts as known from the first day of its year on.`, features.FirstHolidayYear, features.LastHolidayYear),
		Example: `  fealty data holidays --country CN --from 2019 --to 2027 -o csv > holidays.csv
  fealty import holidays holidays.csv`,
		RunE: func(*cobra.Command, []string) error { return runDataHolidays(e, o) },
	}
	f := c.Flags()
	f.StringSliceVar(&o.countries, "country", nil, "CN or DE; may be repeated")
	f.IntVar(&o.from, "from", 0, "the first year")
	f.IntVar(&o.to, "to", 0, "the last year")
	return c
}

// holidayRow is a row of holidays.
type holidayRow struct {
	Country    string `json:"country"`
	Day        string `json:"day"`
	Name       string `json:"name"`
	RecordedAt string `json:"recorded_at"`
}

func runDataHolidays(e *env, o dataHolidaysOptions) error {
	switch {
	case len(o.countries) == 0:
		return fmt.Errorf("whose holidays? say --country %s or %s: %w", features.China, features.Germany, serving.ErrInvalid)
	case o.from == 0 || o.to == 0:
		return fmt.Errorf("of which years? say --from and --to: %w", serving.ErrInvalid)
	case o.from > o.to:
		return fmt.Errorf("--from %d lies after --to %d: %w", o.from, o.to, serving.ErrInvalid)
	}
	rows := []holidayRow{}
	s := section{head: []string{"country", "day", "name", "recorded_at"}}
	for _, country := range o.countries {
		for year := o.from; year <= o.to; year++ {
			days, err := features.PublicHolidays(country, year)
			if err != nil {
				return fmt.Errorf("%w: %w", err, serving.ErrInvalid)
			}
			for _, h := range days {
				// The law, and the notice of the year, are out by its beginning.
				r := holidayRow{h.Country, h.Day.Format(time.DateOnly), h.Name, fmt.Sprintf("%04d-01-01", year)}
				rows = append(rows, r)
				s.rows = append(s.rows, []any{r.Country, r.Day, r.Name, r.RecordedAt})
			}
		}
	}
	return e.show(answer{data: rows, sections: []section{s}})
}
