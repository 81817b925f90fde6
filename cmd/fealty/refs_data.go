package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
	"fealty/model/crosssell"
	"fealty/model/lifetime"
	"fealty/model/wallet"
	"fealty/serving/servingtest"
)

// shelf is the folder of the public data sets. Errors of its methods name the file,
// and wrap servingtest.ErrAbsent where it is not there.
type shelf string

// read opens a file, unpacks it where it is packed, and hands it to decode.
func (s shelf) read(name string, decode func(io.Reader) error) error {
	path := filepath.Join(string(s), filepath.FromSlash(name))
	file, err := os.Open(path) //nolint:gosec // the folder is the user's own, given on the command line
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; name the folder with --data", path, servingtest.ErrAbsent)
	}
	if err != nil {
		return fmt.Errorf("open the data set: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var plain io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if plain, err = gzip.NewReader(file); err != nil {
			return fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	if err := decode(plain); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// grid is a CSV file in memory.
type grid struct {
	header []string
	rows   [][]string
}

func (s shelf) grid(name string) (grid, error) {
	var g grid
	err := s.read(name, func(r io.Reader) error {
		records, err := csv.NewReader(r).ReadAll()
		if err != nil {
			return err
		}
		if len(records) < 2 {
			return errors.New("it has no rows")
		}
		g = grid{records[0], records[1:]}
		return nil
	})
	return g, err
}

// texts returns a column; the error names it where it is not there.
func (g grid) texts(name string) ([]string, error) {
	k := slices.Index(g.header, name)
	if k < 0 {
		return nil, fmt.Errorf("there is no column %q among %s", name, strings.Join(g.header, ", "))
	}
	column := make([]string, len(g.rows))
	for i, row := range g.rows {
		column[i] = row[k]
	}
	return column, nil
}

// numbers returns a column of numbers; blanks are NaN.
func (g grid) numbers(name string) ([]float64, error) {
	texts, err := g.texts(name)
	if err != nil {
		return nil, err
	}
	return parseNumbers(name, texts)
}

func parseNumbers(name string, texts []string) ([]float64, error) {
	column := make([]float64, len(texts))
	for i, text := range texts {
		column[i] = math.NaN()
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s of row %d: %w", name, i+1, err)
		}
		column[i] = v
	}
	return column, nil
}

// columns returns several columns of numbers of a file, in the order of the names.
func (s shelf) columns(file string, names ...string) ([][]float64, error) {
	g, err := s.grid(file)
	if err != nil {
		return nil, err
	}
	var all [][]float64
	for _, name := range names {
		column, err := g.numbers(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, column)
	}
	return all, nil
}

// panel reads a panel of households: every purchase in the category, in the order of
// time.
func (s shelf) panel(name string) ([]wallet.Purchase, error) {
	g, err := s.grid("ecdat-panels/" + name + ".csv.gz")
	if err != nil {
		return nil, err
	}
	households, err := g.texts("id")
	if err != nil {
		return nil, err
	}
	choices, err := g.texts("choice")
	if err != nil {
		return nil, err
	}
	purchases := make([]wallet.Purchase, len(households))
	for i := range purchases {
		purchases[i] = wallet.Purchase{Household: households[i], Choice: choices[i]}
	}
	return purchases, nil
}

// hillstrom reads the accounts of one arm and of the control: whether they visited,
// a column of 0 and 1 as their predicted uplift, and whether they were sent to.
func (s shelf) hillstrom(arm, rule string) (y, uplift, treatment []float64, err error) {
	g, err := s.grid("hillstrom/hillstrom.csv.gz")
	if err != nil {
		return nil, nil, nil, err
	}
	segments, err := g.texts("segment")
	if err != nil {
		return nil, nil, nil, err
	}
	visits, err := g.numbers("visit")
	if err != nil {
		return nil, nil, nil, err
	}
	scores, err := g.numbers(rule)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, segment := range segments {
		sent := 0.0
		switch segment {
		case arm:
			sent = 1
		case "No E-Mail":
		default:
			continue
		}
		y, uplift, treatment = append(y, visits[i]), append(uplift, scores[i]), append(treatment, sent)
	}
	return y, uplift, treatment, nil
}

// telco reads the table of a telephone company as a frame, columns of words as
// categories, and who churned.
func (s shelf) telco() (*frame.Frame, []float64, error) {
	g, err := s.grid("telco/Telco-Customer-Churn.csv.gz")
	if err != nil {
		return nil, nil, err
	}
	f, y := &frame.Frame{Cutoffs: make([]frame.Cutoff, len(g.rows))}, make([]float64, len(g.rows))
	for _, name := range g.header {
		texts, err := g.texts(name)
		if err != nil {
			return nil, nil, err
		}
		switch name {
		case "customerID":
			for _, account := range texts {
				f.Accounts = append(f.Accounts, frame.AccountID(account))
			}
		case "Churn":
			for i, answer := range texts {
				if answer == "Yes" {
					y[i] = 1
				}
			}
		case "tenure", "MonthlyCharges", "TotalCharges":
			numbers, err := parseNumbers(name, texts)
			if err != nil {
				return nil, nil, err
			}
			f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: numbers})
		default:
			f.Columns = append(f.Columns, category(name, texts))
		}
	}
	return f, y, nil
}

// category makes a column of words one of codes, levels in the order of words.
func category(name string, texts []string) frame.Column {
	levels := slices.Clone(texts)
	slices.Sort(levels)
	c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Category, Levels: slices.Compact(levels), Codes: make([]int32, len(texts))}
	for i, text := range texts {
		code, _ := slices.BinarySearch(c.Levels, text)
		c.Codes[i] = int32(code) //nolint:gosec // fewer levels than rows
	}
	return c
}

// tafeng reads the baskets of each account, and the one after them. The first and
// the last basket of the files are marks: [-1].
func (s shelf) tafeng() (history map[string][][]int, next map[string][]int, err error) {
	var future map[string][][]int
	into := func(v any) func(io.Reader) error {
		return func(r io.Reader) error { return json.NewDecoder(r).Decode(v) }
	}
	if err := errors.Join(s.read("tafeng/tafeng_history.json.gz", into(&history)), s.read("tafeng/tafeng_future.json.gz", into(&future))); err != nil {
		return nil, nil, err
	}
	const marks = 2
	for account, baskets := range history {
		if len(baskets) < marks {
			return nil, nil, fmt.Errorf("tafeng: account %s has no marks around its baskets", account)
		}
		history[account] = baskets[1 : len(baskets)-1]
	}
	next = make(map[string][]int, len(future))
	for account, baskets := range future {
		if len(baskets) <= marks {
			return nil, nil, fmt.Errorf("tafeng: account %s has no basket between its marks", account)
		}
		next[account] = baskets[1]
	}
	return history, next, nil
}

// retail reads the order lines of Online Retail I as protocol T imports them. The
// file has no categories; the first two digits of the product number stand for them.
func (s shelf) retail(ctx context.Context) ([]crosssell.Line, error) {
	public := servingtest.OnlineRetail()
	table, ok := features.Schema(public.Read.Table)
	if !ok {
		return nil, fmt.Errorf("there is no table %q", public.Read.Table)
	}
	var lines []crosssell.Line
	err := s.read(public.File, func(r io.Reader) (err error) {
		rows, err := files.Open(ctx, files.Options{
			Table: table, Map: public.Read.Map, Where: public.Read.Where, Null: public.Read.Null,
			Inputs: []files.Input{{Name: strings.TrimSuffix(public.File, ".gz"), Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}},
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for {
			batch, err := rows.Next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			account, order, product := batch.Column("account"), batch.Column("order_id"), batch.Column("product")
			amount, at := batch.Column("amount"), batch.Column("ordered_at")
			for i := range batch.Rows() {
				item := product.Texts[i]
				lines = append(lines, crosssell.Line{
					Account: frame.AccountID(account.Texts[i]), Order: order.Texts[i], Item: item, Category: item[:2],
					At: time.Unix(at.Integers[i], 0), Amount: amount.Float(i),
				})
			}
		}
	})
	return lines, err
}

// lifetime reads the data sets of the literature on lifetime models. All of CDNOW is
// calibrated to 1997-09-30, with 39 weeks of holdout.
func (s shelf) lifetime() (lifetime.Public, error) {
	sample, err := s.columns("cdnow/cdnow_customers_summary.csv.gz", "frequency", "recency", "T")
	if err != nil {
		return lifetime.Public{}, err
	}
	spend, err := s.columns("cdnow/cdnow_customers_summary_with_transactions.csv.gz", "x", "zbar")
	if err != nil {
		return lifetime.Public{}, err
	}
	donations, err := s.columns("donations/donations.csv", "frequency", "recency", "periods", "weights")
	if err != nil {
		return lifetime.Public{}, err
	}
	purchases, err := s.cdnow()
	if err != nil {
		return lifetime.Public{}, err
	}
	const week = 7
	last := time.Date(1997, 9, 30, 0, 0, 0, 0, time.UTC)
	full, err := lifetime.SplitAt(purchases, int(last.Unix()/86_400), 39*week, week)
	if err != nil {
		return lifetime.Public{}, err
	}
	return lifetime.Public{
		Sample:         lifetime.Histories{Frequency: sample[0], Recency: sample[1], Age: sample[2]},
		SpendFrequency: spend[0], SampleSpend: spend[1],
		Donations:       lifetime.Histories{Frequency: donations[0], Recency: donations[1], Age: donations[2]},
		DonationWeights: donations[3], Full: full,
	}, nil
}

// cdnow reads every purchase of CDNOW: account, day, number of discs, dollars, with
// spaces between.
func (s shelf) cdnow() ([]lifetime.Purchase, error) {
	var purchases []lifetime.Purchase
	err := s.read("cdnow/CDNOW_master.txt.gz", func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Scan() // the header
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) != 4 {
				return fmt.Errorf("%q has %d fields, expected 4", lines.Text(), len(fields))
			}
			at, err := time.Parse("20060102", fields[1])
			if err != nil {
				return err
			}
			amount, err := strconv.ParseFloat(fields[3], 64)
			if err != nil {
				return err
			}
			purchases = append(purchases, lifetime.Purchase{Account: fields[0], Day: int(at.Unix() / 86_400), Amount: amount})
		}
		return lines.Err()
	})
	return purchases, err
}
