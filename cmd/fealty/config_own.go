package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"fealty/features"
)

// The endings of a team's file of features and of its entry.
const (
	sqlEnding   = ".sql"
	entryEnding = ".yaml"
)

// readOwn reads the files of features that a team keeps in a folder, in the order
// of their names. What can't be read is kept with its fault, so that it is refused
// by name; links that lead out of the folder are never followed. Other files
// are left alone. The folder is named by the configuration only.
func readOwn(folder string) (own []features.OwnFile, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the team's features: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("read the folder of the team's features: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for _, e := range entries {
		name, isSQL := strings.CutSuffix(e.Name(), sqlEnding)
		entry, isEntry := strings.CutSuffix(e.Name(), entryEnding)
		switch {
		case isSQL:
			own = append(own, readOwnFile(root, name))
		case isEntry && !there[entry+sqlEnding]:
			own = append(own, features.OwnFile{Name: entry, Fault: "there is no " + entry + sqlEnding + " beside " + e.Name()})
		}
	}
	if len(own) > features.MaxOwnFiles {
		return nil, fmt.Errorf("%d files of features, and %d are allowed", len(own), features.MaxOwnFiles)
	}
	return own, nil
}

func readOwnFile(root *os.Root, name string) features.OwnFile {
	f := features.OwnFile{Name: name}
	var err error
	if f.SQL, err = readOwnText(root, name+sqlEnding); err == nil {
		f.Entry, err = readOwnText(root, name+entryEnding)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Fault = "there is no entry " + name + entryEnding + " beside it"
	case err != nil:
		f.Fault = err.Error()
	}
	return f
}

// readOwnText reads a file of at most features.MaxOwnBytes.
func readOwnText(root *os.Root, name string) (string, error) {
	about, err := root.Stat(name)
	if err != nil {
		return "", err
	}
	// Before it is opened: to open a pipe would wait for somebody to write.
	if !about.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", name)
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, features.MaxOwnBytes+1))
	if err != nil {
		return "", err
	}
	if len(raw) > features.MaxOwnBytes {
		return "", fmt.Errorf("%s has more than %d bytes", name, features.MaxOwnBytes)
	}
	return string(raw), nil
}
