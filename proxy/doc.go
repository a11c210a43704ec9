// Package proxy relays the PostgreSQL wire protocol between clients and one server.
package proxy
