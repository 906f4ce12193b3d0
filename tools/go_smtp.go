// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server for comparison in tools/bench. It uses go-smtp, the library in
// Debian's golang-github-emersion-go-smtp-dev, and discards all messages.
//
//	go_smtp [CERTIFICATE KEY]
//
// Listens on a free port of 127.0.0.1, prints its address, and serves until it
// is killed. Like the other servers in a measurement it has one thread and
// sends no session tickets.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

type backend struct{}

func (backend) Login(*smtp.ConnectionState, string, string) (smtp.Session, error) {
	return nil, smtp.ErrAuthUnsupported
}

func (backend) AnonymousLogin(*smtp.ConnectionState) (smtp.Session, error) {
	return session{}, nil
}

type session struct{}

func (session) Mail(string, smtp.MailOptions) error { return nil }

func (session) Rcpt(to string) error {
	if !strings.HasSuffix(to, "@local.example") {
		return &smtp.SMTPError{Code: 550, Message: "not here"}
	}
	return nil
}

func (session) Data(content io.Reader) error {
	_, err := io.Copy(io.Discard, content)
	return err
}

func (session) Reset() {}

func (session) Logout() error { return nil }

func main() {
	runtime.GOMAXPROCS(1)
	server := smtp.NewServer(backend{})
	server.Domain = "mx.example.org"
	server.ReadTimeout = 5 * time.Minute
	server.WriteTimeout = 5 * time.Minute
	server.MaxMessageBytes = 50 << 20
	server.AuthDisabled = true
	if len(os.Args) == 3 {
		certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		server.TLSConfig = &tls.Config{
			Certificates:           []tls.Certificate{certificate},
			SessionTicketsDisabled: true,
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	os.Stdout.Close()
	log.Fatal(server.Serve(listener))
}
