package clickhouse_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between an engine and a server and harms what passes.
type proxy struct {
	address string
	// cutUp and cutDown end a connection once so many bytes went to the server, or
	// came from it; negative means never.
	cutUp, cutDown atomic.Int64
	// frozen connections stay open and nothing passes.
	frozen atomic.Bool
	// dialled counts the connections so far, open those there are.
	dialled, open atomic.Int64
}

// startProxy forwards to a server; config, if any, ends TLS here.
func startProxy(t *testing.T, to string, config *tls.Config) *proxy {
	t.Helper()
	var listener net.Listener
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String()}
	p.cutUp.Store(-1)
	p.cutDown.Store(-1)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() {
		end()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(ctx, client, to) })
		}
	})
	return p
}

func (p *proxy) serve(ctx context.Context, client net.Conn, to string) {
	p.dialled.Add(1)
	p.open.Add(1)
	defer p.open.Add(-1)
	defer end(client)
	if secure, ok := client.(*tls.Conn); ok && secure.HandshakeContext(ctx) != nil {
		return // the server behind never hears of it
	}
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer end(server)
	defer context.AfterFunc(ctx, func() { end(client, server) })()
	var both sync.WaitGroup
	both.Go(func() { p.pass(ctx, server, client, &p.cutUp) })
	both.Go(func() { p.pass(ctx, client, server, &p.cutDown) })
	both.Wait()
}

// end closes what may be closed already.
func end(conns ...net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// pass copies until one side ends, and tells the other; a cut ends both.
func (p *proxy) pass(ctx context.Context, to, from net.Conn, cut *atomic.Int64) {
	buffer := make([]byte, 32<<10)
	passed := int64(0)
	for {
		n, err := from.Read(buffer)
		for p.frozen.Load() && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if limit := cut.Load(); limit >= 0 && passed+int64(n) > limit {
			_, _ = to.Write(buffer[:max(0, limit-passed)])
			end(to, from)
			return
		}
		if _, failed := to.Write(buffer[:n]); failed != nil {
			end(from)
			return
		}
		if passed += int64(n); err != nil {
			if half, ok := to.(interface{ CloseWrite() error }); ok && err == io.EOF { //nolint:errorlint // Read returns it bare
				_ = half.CloseWrite()
			} else {
				end(to)
			}
			return
		}
	}
}

// authority is a certificate authority of one test.
type authority struct {
	// file holds its certificate in PEM.
	file string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	a.key, a.cert = sign(t, nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// server returns the configuration of a server whose certificate is for a host.
func (a *authority) server(t *testing.T, host string, until time.Time) *tls.Config {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: host}, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	key, cert := sign(t, a, template)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
}

func sign(t *testing.T, by *authority, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-48*time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}
