package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for localhost that is its own authority, and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// With --tls-required psql gets in encrypted and verified, or not at all; with --tls-client-ca only who has a certificate.
func TestServeEncrypts(t *testing.T) {
	cert, key := selfSigned(t)
	upstream := dsn(standIn(t))
	own := " sslcert=" + cert + " sslkey=" + key
	verified := "host=localhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert=" + cert
	for _, c := range []struct{ flags, settings, want string }{
		{"--tls-required", verified, "1"},
		{"--tls-required", "sslmode=disable", "connection requires encryption"},
		{"", "sslmode=disable", "1"},
		{"--tls-client-ca=" + cert, verified + own, "1"},
		{"--tls-client-ca=" + cert, verified, "certificate required"},
	} {
		p := serveProcess(t, upstream, nil, append([]string{"--relay-only", "--tls-cert", cert, "--tls-key", key}, strings.Fields(c.flags)...)...)
		out, _ := psqlOnce(t, p.addr, "-c", "SELECT 1", "-d", "dbname="+demoDatabase+" "+c.settings)
		if !strings.Contains(out, c.want) {
			t.Errorf("%s, %s: psql saw %q, want %q", c.flags, c.settings, out, c.want)
		}
	}
}
