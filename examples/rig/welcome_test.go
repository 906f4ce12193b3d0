// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A test with Go's net/smtp: POSTERN=/path/to/postern go test welcome_test.go
package welcome

import (
	"bufio"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The code that is tested.
func sendWelcome(to, address string) error {
	return smtp.SendMail(address, nil, "shop@x.example", []string{to},
		[]byte("Subject: Welcome\r\n\r\nHello\r\n"))
}

// startRig returns the address of SMTP and the URL of the interface.
func startRig(t *testing.T) (string, string) {
	ready, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	rig := exec.Command(os.Getenv("POSTERN"), "rig", "--smtp=127.0.0.1:0",
		"--http=127.0.0.1:0", "--tls=none", "--ready-fd=3")
	rig.ExtraFiles = []*os.File{write} // descriptor 3
	if err := rig.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		rig.Process.Signal(os.Interrupt)
		if err := rig.Wait(); err != nil {
			t.Error("a fault was not met:", err)
		}
	})
	lines := bufio.NewScanner(ready)
	lines.Scan()
	address := lines.Text()
	lines.Scan()
	return address, lines.Text()
}

func TestRefusedMessageIsSentAgain(t *testing.T) {
	address, url := startRig(t)
	fault := "rcpt for=you@y.example times=1 reply 450 4.7.1 later"
	_, err := http.Post(url+"api/postern/v1/faults", "text/plain",
		strings.NewReader(fault))
	if err != nil {
		t.Fatal(err)
	}
	err = sendWelcome("you@y.example", address)
	if err == nil || err.Error() != "450 4.7.1 later" {
		t.Fatal(err)
	}
	if err := sendWelcome("you@y.example", address); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(url + "api/postern/v1/wait?count=1")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
}
