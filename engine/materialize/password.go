package materialize

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ReadPassword reads the password that a file holds; an end of line behind it is none of it.
func ReadPassword(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" {
		return "", errors.New("read password: " + file + " is empty")
	}
	return password, nil
}

// authenticate takes the password of a new connection from the file, if there is one.
func (cfg Config) authenticate(cc *pgx.ConnConfig) error {
	if cfg.PasswordFile == "" {
		return nil
	}
	password, err := ReadPassword(cfg.PasswordFile)
	if err != nil {
		return err
	}
	cc.Password = password
	return nil
}
