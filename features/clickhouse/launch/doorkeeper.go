package launch

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
)

// doorkeeper listens on the port, leads every connection to the one that it
// returns, and sees to it that the server meets no reset connection. A whole
// ClickHouse server writes such an error down and goes on; the library has nobody
// to tell it to ("Terminate called for uncaught exception: Connection reset by
// peer"), and ends. Killed clients, and hosts of a cluster whose query was ended,
// leave such connections behind.
func doorkeeper(port string) (inner string, err error) {
	within, err := freePort() // which the server opens itself
	if err != nil {
		return "", err
	}
	door, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	go func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			client, ok := conn.(*net.TCPConn)
			if !ok {
				return
			}
			go lead(client, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: within})
		}
	}()
	return strconv.Itoa(within), nil
}

// lead copies both ways until both sides have ended. Whatever became of the
// client, the server reads an orderly end, and is read to its own.
func lead(client *net.TCPConn, to *net.TCPAddr) {
	defer func() { _ = client.Close() }()
	server, err := net.DialTCP("tcp", nil, to)
	if err != nil {
		return // it does not listen yet
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.CloseWrite()
	}()
	if _, err := io.Copy(client, server); err != nil {
		_, _ = io.Copy(io.Discard, server)
	}
	_ = client.CloseWrite()
}
