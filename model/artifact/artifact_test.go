package artifact_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/model/artifact"
)

func small(t *testing.T) (artifact.Bundle, []byte) {
	t.Helper()
	b := artifact.Bundle{"card.json": []byte(`{"a":1}`), "boost.txt": []byte("tree\n"), "empty": {}}
	var w bytes.Buffer
	if err := b.Write(&w); err != nil {
		t.Fatal(err)
	}
	return b, w.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want, raw := small(t)
	got, err := artifact.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmp.Transformer("text", func(b []byte) string { return string(b) })); d != "" {
		t.Error(d)
	}
}

func TestEveryTruncationAndEveryFlippedBitIsRefused(t *testing.T) {
	_, raw := small(t)
	for n := range raw {
		if _, err := artifact.Read(bytes.NewReader(raw[:n])); err == nil {
			t.Errorf("cut after %d bytes: read", n)
		}
	}
	for i := range raw {
		for bit := range 8 {
			broken := bytes.Clone(raw)
			broken[i] ^= 1 << bit
			if _, err := artifact.Read(bytes.NewReader(broken)); err == nil {
				t.Errorf("bit %d of byte %d flipped: read", bit, i)
			}
		}
	}
	if _, err := artifact.Read(bytes.NewReader(append(bytes.Clone(raw), 'x'))); !errors.Is(err, artifact.ErrFormat) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestANewerFormatIsNamed(t *testing.T) {
	_, raw := small(t)
	newer := bytes.Replace(raw, []byte("fealty-bundle 1"), []byte("fealty-bundle 2"), 1)
	if _, err := artifact.Read(bytes.NewReader(newer)); !errors.Is(err, artifact.ErrVersion) {
		t.Errorf("got %v", err)
	}
	if _, err := artifact.Read(bytes.NewReader([]byte("PK\x03\x04zip\n"))); !errors.Is(err, artifact.ErrFormat) {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatArePathsAreRefused(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", "A", "a b"} {
		if err := (artifact.Bundle{name: nil}).Write(&bytes.Buffer{}); err == nil {
			t.Errorf("%q was written", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	b := artifact.Bundle{"card.json": []byte(`{"a":1}`)}
	var w bytes.Buffer
	if err := b.Write(&w); err != nil {
		f.Fatal(err)
	}
	f.Add(w.Bytes())
	f.Add([]byte("fealty-bundle 1\nsection a 99999999999 x\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := artifact.Read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := read.Write(&again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), raw) {
			t.Error("read a bundle that is not the one written")
		}
	})
}
