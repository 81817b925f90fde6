package clickhouse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// The environment variables that name the user of a server when the URL does
// not.
const (
	UserVariable     = "FEALTY_WAREHOUSE_USER"
	PasswordVariable = "FEALTY_WAREHOUSE_PASSWORD" //nolint:gosec // the name of a variable, not a password
)

// Defaults and bounds of what a server's URL may set.
const (
	defaultPort        = "9000"
	defaultSecurePort  = "9440"
	defaultDialTimeout = 5 * time.Second
	// longestSilence is how long a query may hear nothing: a server that runs a
	// query reports progress ten times a second.
	longestSilence = 30 * time.Second
)

// serverOptions is what a clickhouse:// URL says.
//
//nolint:recvcheck // String must hide the password of a copy too
type serverOptions struct {
	hosts          []string
	database       string
	user, password string
	tls            *tls.Config
	roundRobin     bool
	dialTimeout    time.Duration
	silence        time.Duration
	compression    driver.CompressionMethod
	cluster        string
	shardDatabase  string
	// lingering are the closed connections that still wait for the server's last words.
	lingering *sync.WaitGroup
}

// String leaves the password out, whichever verb prints the options.
func (o serverOptions) String() string {
	return fmt.Sprintf("clickhouse://%s@%s/%s", o.user, strings.Join(o.hosts, ","), o.database)
}

// GoString leaves the password out of %#v too.
func (o serverOptions) GoString() string { return o.String() }

// serverURLOptions are the options of a URL's query, for messages.
const serverURLOptions = "hosts, secure, ca_file, server_name, password_file, order, dial_timeout, silence_timeout, compress, cluster, shard_database"

// readServerURL reads clickhouse://USER:PASSWORD@HOST:PORT,…/DATABASE?option=value:
//
//	hosts=HOST:PORT,…        more hosts (Go refuses several ports before the path of a URL)
//	secure=true              TLS; the default port becomes 9440
//	ca_file=FILE             trust this certificate authority (PEM) and no other
//	server_name=NAME         the name expected in the certificate
//	password_file=FILE       the first line is the password
//	order=in_order           the first host that answers (default), or round_robin
//	dial_timeout=5s          for one host's connection and handshake
//	silence_timeout=30s      a query that hears nothing so long is given up; at most 30s
//	compress=lz4             lz4, zstd or none; default lz4, none on the same machine
//	cluster=NAME             the cluster that holds mapped facts
//	shard_database=NAME      the database, on each of its hosts, with a host's mapped
//	                         facts; default: the URL's database with _shard behind it
//
// User and password come from the URL, then password_file, then the
// environment. No error names a password.
func readServerURL(u *url.URL) (serverOptions, error) {
	o := serverOptions{
		database: strings.TrimPrefix(u.Path, "/"), user: "default", dialTimeout: defaultDialTimeout, silence: longestSilence,
		lingering: &sync.WaitGroup{},
	}
	if o.database == "" {
		o.database = "default"
	}
	q := u.Query()
	port := defaultPort
	secure, err := readServerQuery(&o, q)
	if err != nil {
		return o, err
	}
	if secure {
		port = defaultSecurePort
		if o.tls, err = tlsConfig(q.Get("ca_file"), q.Get("server_name")); err != nil {
			return o, err
		}
	} else if q.Has("ca_file") || q.Has("server_name") {
		return o, errors.New("warehouse.url: ca_file and server_name need secure=true")
	}
	switch {
	case o.cluster == "" && o.shardDatabase != "":
		return o, errors.New("warehouse.url: shard_database needs cluster")
	case o.cluster != "" && o.shardDatabase == "":
		o.shardDatabase = o.database + shardSuffix
	case o.cluster != "" && o.shardDatabase == o.database:
		return o, fmt.Errorf("warehouse.url: shard_database is %q, which holds fealty's own tables; name another", o.database)
	}
	names := strings.Split(u.Host, ",")
	if q.Has("hosts") {
		names = append(names, strings.Split(q.Get("hosts"), ",")...)
	}
	if o.hosts, err = addresses(names, port); err != nil {
		return o, err
	}
	if !q.Has("compress") && !slices.ContainsFunc(o.hosts, remote) {
		o.compression = driver.CompressionNone // over loopback packing costs more than it saves
	}
	err = o.readCredentials(u, q.Get("password_file"))
	return o, err
}

// readServerQuery reads the options of the query, all but those of TLS and the hosts.
func readServerQuery(o *serverOptions, q url.Values) (secure bool, err error) {
	o.compression = driver.CompressionLZ4
	for name, values := range q {
		if len(values) != 1 {
			return false, fmt.Errorf("warehouse.url: option %s stands %d times", name, len(values))
		}
		value := values[0]
		bad := func(want string) error { return fmt.Errorf("warehouse.url: %s=%s: expected %s", name, value, want) }
		switch name {
		case "hosts", "ca_file", "server_name", "password_file":
		case "secure":
			if secure, err = strconv.ParseBool(value); err != nil {
				return false, bad("true or false")
			}
		case "order":
			if value != "in_order" && value != "round_robin" {
				return false, bad("in_order or round_robin")
			}
			o.roundRobin = value == "round_robin"
		case "dial_timeout":
			if o.dialTimeout, err = time.ParseDuration(value); err != nil || o.dialTimeout <= 0 {
				return false, bad("a duration such as 5s")
			}
		case "silence_timeout":
			if o.silence, err = time.ParseDuration(value); err != nil || o.silence <= 0 || o.silence > longestSilence {
				return false, bad("a duration of at most " + longestSilence.String())
			}
		case "compress":
			methods := map[string]driver.CompressionMethod{"none": driver.CompressionNone, "lz4": driver.CompressionLZ4, "zstd": driver.CompressionZSTD}
			method, known := methods[value]
			if !known {
				return false, bad("none, lz4 or zstd")
			}
			o.compression = method
		case "cluster":
			o.cluster = value
		case "shard_database":
			o.shardDatabase = value
		default:
			// A mistyped password= must not show its value.
			return false, fmt.Errorf("warehouse.url: unknown option %q; there are %s", name, serverURLOptions)
		}
	}
	return secure, nil
}

func addresses(names []string, port string) ([]string, error) {
	var hosts []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(name); err != nil {
			name = net.JoinHostPort(strings.Trim(name, "[]"), port)
		}
		hosts = append(hosts, name)
	}
	if len(hosts) == 0 {
		return nil, errors.New("warehouse.url: no host; write clickhouse://HOST:9000/DATABASE")
	}
	return hosts, nil
}

// remote reports whether an address may lie on another machine.
func remote(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (o *serverOptions) readCredentials(u *url.URL, file string) error {
	if name := os.Getenv(UserVariable); name != "" {
		o.user = name
	}
	if name := u.User.Username(); name != "" {
		o.user = name
	}
	if password, set := u.User.Password(); set {
		o.password = password
		return nil
	}
	if file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the operator's own configuration names it
		if err != nil {
			return fmt.Errorf("warehouse.url: read the password file: %w", err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		o.password = strings.TrimSuffix(first, "\r")
		return nil
	}
	o.password = os.Getenv(PasswordVariable)
	return nil
}

func tlsConfig(caFile, serverName string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if caFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(caFile) //nolint:gosec // the operator's own configuration names it
	if err != nil {
		return nil, fmt.Errorf("warehouse.url: read the certificate authority: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("warehouse.url: ca_file %q holds no PEM certificate", caFile)
	}
	return config, nil
}
