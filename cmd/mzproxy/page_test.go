package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page shows clusters, actions and changes, changes nothing, and takes whoever has the token.
func TestStatusPage(t *testing.T) {
	sim := standIn(t)
	a := administer(t, dsn(sim), "--admin-token", "planted_token")
	a.until(t, "/readyz", "ok")
	a.sql(t, `INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`)
	get := func(path, method, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+a.admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.SetBasicAuth("anybody", token)
		}
		return fetched(t, r)
	}
	if status, _ := get("/", http.MethodGet, ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	status, html := get("/", http.MethodGet, "planted_token")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, html)
	}
	for _, want := range []string{`<html lang="en">`, `<th scope="row">prod</th>`, "create r_small (small)", "<td>INSERT</td>", "target_size: ", "<path d=\"M0 ", "no replica of size small", "As of <time"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page has no %q:\n%s", want, html)
		}
	}
	if outside := regexp.MustCompile(`(src|href)="?(https?:)?//`).FindString(html); outside != "" {
		t.Errorf("the page needs %s", outside)
	}
	_, data := get("/api/status", http.MethodGet, "planted_token")
	var d struct {
		Clusters []struct {
			Name  string
			Phase string
			Ready int
		}
		Actions []struct{ Result string }
		Proxy   map[string]string
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil || len(d.Clusters) != 1 || d.Clusters[0].Name != "prod" || len(d.Actions) != 1 || d.Actions[0].Result != "executed" || d.Proxy["mode"] != "leads" {
		t.Errorf("%v: %s", err, data)
	}
	for _, path := range []string{"/", "/api/status", "/metrics", "/readyz"} {
		if status, _ := get(path, http.MethodPost, "planted_token"); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	browse(t, html)
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	if _, html := get("/", http.MethodGet, "planted_token"); !strings.Contains(html, `role="alert">Stale since <time`) {
		t.Errorf("the page shows old data as new:\n%s", html)
	}
}

func fetched(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// browse looks at a page in Chromium, at three widths: nothing but wide tables, which scroll by themselves, is wider than the window, and tables have headers
// that a screen reader can tell.
func browse(t *testing.T, html string) {
	t.Run("chromium", func(t *testing.T) {
		chromium, err := exec.LookPath("chromium")
		if err != nil {
			t.Skip("chromium is not installed (Debian: apt-get install chromium)")
		}
		dir := t.TempDir()
		probe := `<script>document.title = [document.documentElement.scrollWidth <= window.innerWidth,
			[...document.querySelectorAll("thead th")].every(h => h.scope == "col"), [...document.querySelectorAll("svg")].every(s => s.getAttribute("aria-label")),
			[...document.querySelectorAll(".scroll")].every(s => s.tabIndex == 0 && document.getElementById(s.getAttribute("aria-labelledby")))].join()</script>`
		file := filepath.Join(dir, "page.html")
		if err := os.WriteFile(file, []byte(strings.Replace(html, "</body>", probe+"</body>", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{500, 900, 1400} { // 500 is the narrowest window that Chromium makes
			out, err := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+filepath.Join(dir, "profile"),
				fmt.Sprintf("--window-size=%d,1000", width), "--dump-dom", "file://"+file).Output()
			if err != nil || !strings.Contains(string(out), "<title>true,true,true,true</title>") {
				t.Errorf("%d wide: %s (%v)", width, regexp.MustCompile(`<title>.*</title>`).Find(out), err)
			}
		}
	})
}
