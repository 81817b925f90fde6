package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"fealty/serving"
)

// stdio is the path that means standard input or output.
const stdio = "-"

// inputs are files that a verb reads. The program opens them, not the use
// case, which may run in another process.
type inputs struct {
	files []serving.File
	sizes []int64
	open  []*os.File
}

// openInputs opens the paths in order; "-" is standard input. Each file's label
// is the last part of its path.
func (e *env) openInputs(paths []string) (*inputs, error) {
	in := &inputs{}
	labels := map[string]int{}
	fromStdin := false
	for _, path := range paths {
		label := filepath.Base(path)
		if path == stdio {
			if fromStdin {
				return nil, errors.Join(fmt.Errorf("standard input (-) was named twice: %w", serving.ErrInvalid), in.close())
			}
			fromStdin, label = true, "stdin"
		}
		// A message that names a file must mean one.
		if labels[label]++; labels[label] > 1 {
			label = strconv.Itoa(labels[label]) + ":" + label
		}
		if path == stdio {
			in.files, in.sizes = append(in.files, serving.File{Name: label, Reader: e.stdin}), append(in.sizes, 0)
			continue
		}
		file, size, err := openInput(e.path(path))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", err, serving.ErrInvalid), in.close())
		}
		in.open = append(in.open, file)
		in.files, in.sizes = append(in.files, serving.File{Name: label, Reader: file}), append(in.sizes, size)
	}
	return in, nil
}

func openInput(path string) (*os.File, int64, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file on the command line
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("open %s: it is a folder", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	if !info.Mode().IsRegular() {
		return file, 0, nil
	}
	return file, info.Size(), nil
}

func (in *inputs) close() error {
	var errs []error
	for _, file := range in.open {
		errs = append(errs, file.Close())
	}
	in.open = nil
	return errors.Join(errs...)
}

// outputs are files that a verb writes. They come to stand under their names
// when the whole verb has succeeded, and not before.
type outputs struct {
	env *env
	// paths are the user's, by the labels that the use case knows.
	paths   map[string]string
	written []*outputFile
}

// output adds a file to be written and returns its label; "" stays "".
func (o *outputs) output(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	label := filepath.Base(path)
	if path == stdio {
		label = "stdout"
	}
	if label == "." || label == ".." || label == string(filepath.Separator) {
		return "", fmt.Errorf("%q names no file: %w", path, serving.ErrInvalid)
	}
	if _, twice := o.paths[label]; twice {
		return "", fmt.Errorf("two outputs are called %q: %w", label, serving.ErrInvalid)
	}
	if o.paths == nil {
		o.paths = map[string]string{}
	}
	o.paths[label] = path
	return label, nil
}

// open begins a file by its label.
func (o *outputs) open(label string) (io.WriteCloser, error) {
	path, ok := o.paths[label]
	if !ok {
		return nil, fmt.Errorf("output %q was not asked for: %w", label, serving.ErrConflict)
	}
	if path == stdio {
		return leaveOpen{o.env.stdout}, nil
	}
	path = o.env.path(path)
	file, err := os.CreateTemp(filepath.Dir(path), "."+label+"-*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w: %w", path, err, serving.ErrInvalid)
	}
	f := &outputFile{File: file, path: path}
	o.written = append(o.written, f)
	return f, nil
}

// leaveOpen is standard output, which is not ours to close.
type leaveOpen struct{ io.Writer }

func (leaveOpen) Close() error { return nil }

// outputFile is written beside its place. Accounts stand in it, so that it is
// readable by its owner alone, as temporary files are.
type outputFile struct {
	*os.File
	path   string
	closed bool
}

// Close ends the writing; the file keeps its temporary name.
func (f *outputFile) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	return errors.Join(f.Sync(), f.File.Close())
}

// Abort ends the writing of a file that is not to be kept.
func (f *outputFile) Abort() error { return f.Close() }

// finish moves the files to their places after success, and removes them
// otherwise.
func (o *outputs) finish(ok bool) error {
	var errs []error
	for _, f := range o.written {
		errs = append(errs, f.Close())
		if ok && errors.Join(errs...) == nil {
			errs = append(errs, os.Rename(f.Name(), f.path))
		} else {
			errs = append(errs, os.Remove(f.Name()))
		}
	}
	o.written = nil
	return errors.Join(errs...)
}
