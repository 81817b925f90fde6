package main

import (
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"fealty/model/score"
	"fealty/serving"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The chart's size, and its colours: told apart by those who don't see all colours,
// and by their brightness in print.
const (
	chartWidth, chartHeight = 24 * vg.Centimeter, 17 * vg.Centimeter
	chartDPI                = 144
)

var (
	reachedColour  = color.RGBA{R: 0x1b, G: 0x6f, B: 0x8f, A: 0xff}
	missedColour   = color.RGBA{R: 0xc4, G: 0xcb, B: 0xd2, A: 0xff}
	botheredColour = color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}
	greyColour     = color.RGBA{R: 0x66, G: 0x66, B: 0x66, A: 0xff}
)

// chartFormat returns the format that a file's ending names.
func chartFormat(path string) (string, error) {
	switch format := strings.ToLower(filepath.Ext(path)); format {
	case ".png", ".svg":
		return format, nil
	}
	return "", fmt.Errorf("--chart %q: the ending must be .png or .svg: %w", path, serving.ErrInvalid)
}

// chartWords are the words of the chart in a language. Numbers of the title stand in
// braces.
type chartWords struct {
	title, ahead, spent, accounts, months string
	reached, missed, bothered             string
}

// wordsOfChart returns the words in a language. Chinese stands only in SVG, which is
// written in the reader's fonts: the font that is built in, and drawn into a PNG, has
// no Chinese letters.
func wordsOfChart(language, format string) (chartWords, error) {
	switch score.Language(language) {
	case score.English:
		return chartWords{
			"Hindsight: {reached} of {lost} lost accounts flagged in time", ", in the median {weeks} weeks ahead",
			"spent in the year before, {currency}", "accounts",
			"first date at which a flag would have been in time (the first also has what was lost before it; the last ones left fewer dates)",
			"lost, flagged in time", "lost, missed", "others bothered (number: per account flagged in time)",
		}, nil
	case score.Chinese:
		if format != ".svg" {
			return chartWords{}, fmt.Errorf("--chart-language zh: a picture's font has no Chinese letters; let the chart's name end in .svg: %w", serving.ErrInvalid)
		}
		return chartWords{
			"回看：{lost} 个流失客户中有 {reached} 个会被及时标出", "，提前时间的中位数为 {weeks} 周",
			"此前一年的消费（{currency}）", "客户数", "首个及时的时点（第一个月还包含此前流失的客户；最后几个月可用的时点较少）",
			"流失，及时标出", "流失，漏掉", "被打扰的其他客户（数字：每及时标出一个）",
		}, nil
	}
	return chartWords{}, fmt.Errorf("--chart-language %q is none of %s and %s: %w", language, score.English, score.Chinese, serving.ErrInvalid)
}

// drawHindsight draws the counted months of a result: above, what the lost
// accounts had spent; below, how many they were and how many others would have
// been bothered.
func drawHindsight(w io.Writer, format string, words *chartWords, r *serving.HindsightResult) error {
	var months []*serving.HindsightMonth
	for i := range r.Months {
		if r.Months[i].State == serving.MonthCounted {
			months = append(months, &r.Months[i])
		}
	}
	column := func(of func(*serving.HindsightMonth) float64) plotter.Values {
		values := make(plotter.Values, len(months))
		for i, m := range months {
			values[i] = of(m)
		}
		return values
	}
	t := &r.Total
	money, people := newPanel(months), newPanel(months)
	title := words.title
	if t.Reached > 0 {
		title += words.ahead
	}
	fill := strings.NewReplacer("{reached}", strconv.Itoa(t.Reached), "{lost}", strconv.Itoa(t.Lost), "{currency}", r.Currency,
		"{weeks}", strconv.FormatFloat(float64(t.WeeksAhead), 'f', -1, 64))
	money.Title.Text, money.Y.Label.Text = fill.Replace(title), fill.Replace(words.spent)
	width := chartWidth / vg.Length(3*len(months)+3)
	err := money.stack(0, 2*width, []bars{
		{words.reached, reachedColour, column(func(m *serving.HindsightMonth) float64 { return max(0, float64(m.SpendReached)) })},
		{words.missed, missedColour, column(func(m *serving.HindsightMonth) float64 { return max(0, float64(m.SpendLost-m.SpendReached)) })},
	})
	if err != nil {
		return err
	}
	people.Y.Label.Text, people.X.Label.Text = words.accounts, words.months
	err = people.stack(-width/2, width, []bars{
		{words.reached, reachedColour, column(func(m *serving.HindsightMonth) float64 { return float64(m.Reached) })},
		{words.missed, missedColour, column(func(m *serving.HindsightMonth) float64 { return float64(m.Missed) })},
	})
	if err != nil {
		return err
	}
	bothered := column(func(m *serving.HindsightMonth) float64 { return float64(m.Bothered) })
	if err := people.stack(width/2, width, []bars{{words.bothered, botheredColour, bothered}}); err != nil {
		return err
	}
	if err := people.perReached(months, bothered, width/2); err != nil {
		return err
	}
	return writeChart(w, format, money.Plot, people.Plot)
}

// panel is one of the two plots, which share their months.
type panel struct{ *plot.Plot }

func newPanel(months []*serving.HindsightMonth) panel {
	p := panel{plot.New()}
	p.Title.TextStyle.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 14}
	p.Title.Padding = vg.Points(8)
	for _, style := range []*font.Font{
		&p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font,
	} {
		*style = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10}
	}
	// On the left the names follow their colours: a reader's font may be wider than the one that is measured here.
	p.Legend.Top, p.Legend.Left, p.Legend.YOffs, p.Legend.Padding = true, true, vg.Points(4), vg.Points(3)
	p.Y.Min, p.Y.Tick.Marker = 0, plainTicks{}
	// About twenty names of months stand side by side.
	const most = 20
	every := (len(months) + most - 1) / most
	names := make([]string, len(months))
	for i, m := range months {
		if i%every == 0 {
			names[i] = m.Month[:len("2006-01")]
		}
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -.6, float64(len(months))-.4
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{Y: 0xe4}
	p.Add(grid)
	return p
}

// bars are one value for each month.
type bars struct {
	name   string
	colour color.Color
	values plotter.Values
}

// stack adds bars on top of one another, the first at the bottom, and leaves room
// for the legend above the highest.
func (p panel) stack(offset, width vg.Length, all []bars) error {
	var below *plotter.BarChart
	for _, b := range all {
		chart, err := plotter.NewBarChart(b.values, width)
		if err != nil {
			return fmt.Errorf("draw %s: %w", b.name, err)
		}
		chart.Color, chart.LineStyle.Width, chart.Offset = b.colour, 0, offset
		if below != nil {
			chart.StackOn(below)
		}
		below = chart
		p.Add(chart)
		p.Legend.Add(b.name, chart)
	}
	for i := range all[0].values {
		const room = 1.35
		p.Y.Max = max(p.Y.Max, room*below.BarHeight(i))
	}
	return nil
}

// perReached writes above the bars of the bothered how many there are for each
// account reached.
func (p panel) perReached(months []*serving.HindsightMonth, bothered plotter.Values, offset vg.Length) error {
	at := plotter.XYLabels{}
	for i, m := range months {
		if m.Reached > 0 {
			at.XYs = append(at.XYs, plotter.XY{X: float64(i), Y: bothered[i]})
			at.Labels = append(at.Labels, strconv.FormatFloat(float64(m.BotheredPerReached), 'f', 1, 64))
		}
	}
	labels, err := plotter.NewLabels(at)
	if err != nil {
		return fmt.Errorf("draw what is bothered for each account reached: %w", err)
	}
	labels.Offset = vg.Point{X: offset, Y: vg.Points(2)}
	for i := range labels.TextStyle {
		labels.TextStyle[i].Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 9}
		labels.TextStyle[i].Color, labels.TextStyle[i].XAlign = greyColour, draw.XCenter
	}
	p.Add(labels)
	return nil
}

// plainTicks are the default ticks with numbers in full: 200,000, not 2e+05.
type plainTicks struct{}

func (plainTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = score.Format(ticks[i].Value, "")
		}
	}
	return ticks
}

// writeChart writes the plots one above the other.
func writeChart(w io.Writer, format string, plots ...*plot.Plot) error {
	var canvas vg.CanvasWriterTo
	switch format {
	case ".svg":
		canvas = vgsvg.New(chartWidth, chartHeight)
	default:
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(chartWidth, chartHeight), vgimg.UseDPI(chartDPI))}
	}
	rows := make([][]*plot.Plot, len(plots))
	for i := range plots {
		rows[i] = []*plot.Plot{plots[i]}
	}
	tiles := draw.Tiles{
		Rows: len(plots), Cols: 1, PadX: vg.Millimeter, PadY: 6 * vg.Millimeter,
		PadTop: 3 * vg.Millimeter, PadBottom: 3 * vg.Millimeter, PadLeft: 3 * vg.Millimeter, PadRight: 5 * vg.Millimeter,
	}
	for i, row := range plot.Align(rows, tiles, draw.New(canvas)) {
		rows[i][0].Draw(row[0])
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	return nil
}
