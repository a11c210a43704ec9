package main

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"time"

	"mzproxy/proxy/intercept"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"moment": moment, "stamp": stamp}).Parse(pageText))

// page is the status page, and the same as JSON. It only reads.
type page struct {
	overview func(context.Context) intercept.Overview
	proxy    intercept.Proxy
	token    string // that whoever looks has to show; empty: nobody has
}

// pageData is what the page shows.
type pageData struct {
	intercept.Overview
	Proxy     []intercept.Setting `json:"-"`
	Status    map[string]string   `json:"proxy"`
	Credits   float64             `json:"credits_per_hour"`
	PerDay    float64             `json:"credits_per_day"`
	Timelines []timeline          `json:"-"`
}

// How long the page waits for the server.
const pageWait = 5 * time.Second

func (p page) data(ctx context.Context) pageData {
	ctx, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	d := pageData{Overview: p.overview(ctx), Proxy: p.proxy.Status(), Status: map[string]string{}}
	for _, s := range d.Proxy {
		d.Status[s.Name] = s.Value
	}
	now := time.Now()
	for _, c := range d.Clusters {
		d.Credits += c.CreditsPerHour
		d.Timelines = append(d.Timelines, newTimeline(now, c, d.Actions))
	}
	d.PerDay = 24 * d.Credits
	return d
}

// register adds the page to what the admin address serves.
func (p page) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.guarded(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
		_ = pageTemplate.Execute(w, p.data(r.Context())) // who has gone misses nothing
	}))
	mux.HandleFunc("GET /api/status", p.guarded(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.data(r.Context()))
	}))
}

// guarded lets those through who show the token: as a bearer, or as the password of a browser's login.
func (p page) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, shown, _ := r.BasicAuth()
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			shown = bearer
		}
		if p.token != "" && subtle.ConstantTimeCompare([]byte(shown), []byte(p.token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="mzproxy", charset="UTF-8"`)
			http.Error(w, "the token of --admin-token is needed, as the password", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

// beyondLoopback tells whether others than this machine reach an address.
func beyondLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// timeline is how many replicas a cluster had in the last day.
type timeline struct {
	Cluster string
	Path    string // of an SVG, 1440 wide, a minute a unit
	Most    int
	Events  []timelineEvent
}

type timelineEvent struct {
	X    int
	Text string
}

const (
	timelineMinutes = 24 * 60
	timelineHeight  = 40
)

// newTimeline goes back from what is there now.
func newTimeline(now time.Time, c intercept.ClusterOverview, actions []intercept.ActionOverview) timeline {
	t := timeline{Cluster: c.Name, Most: max(1, c.Replicas)}
	type step struct{ x, replicas int }
	count := c.Replicas
	steps := []step{{timelineMinutes, count}}
	for _, a := range actions { // the newest first
		x := timelineMinutes - int(now.Sub(a.At).Minutes())
		if a.Cluster != c.Name || x < 0 {
			continue
		}
		t.Events = append(t.Events, timelineEvent{min(x, timelineMinutes), fmt.Sprintf("%s: %s %s, %s: %s", moment(a.At), a.Action, a.Replica, a.Result, a.Reason)})
		if a.Result != "executed" {
			continue
		}
		steps = append(steps, step{min(x, timelineMinutes), count})
		if a.Action == "drop" {
			count++
		} else {
			count = max(0, count-1)
		}
		t.Most = max(t.Most, count)
	}
	y := func(n int) int { return timelineHeight - n*(timelineHeight-4)/t.Most }
	var path strings.Builder
	fmt.Fprintf(&path, "M0 %d", y(count))
	for i := len(steps) - 1; i >= 0; i-- {
		fmt.Fprintf(&path, " H%d V%d", steps[i].x, y(steps[i].replicas))
	}
	t.Path = path.String()
	return t
}
