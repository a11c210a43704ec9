package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"mzproxy/engine/materialize"
	"mzproxy/proxy"
)

const deployFolder = "deploy"

func deployed(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// everyMetric has the names of all metrics that serve has, as they stand in queries.
func everyMetric(t *testing.T) map[string]bool {
	t.Helper()
	a, err := newApp(appConfig{engine: engineFlags{}, client: materialize.Config{DSN: "postgres://127.0.0.1:1/d"},
		proxy: proxy.Config{Upstream: proxy.Upstream{Network: "tcp", Address: "127.0.0.1:1"}}, log: quietLog()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.client.Close()
	l, err := load([]string{"serve", "--upstream", "postgres://127.0.0.1:1/d"}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	a.more = append(newReloader(nil, l, quietLog()).collectors(), newSessionMetrics().collectors()...)
	names := map[string]bool{"mzproxy_sessions": true, "mzproxy_build_info": true}
	descriptions := make(chan *prometheus.Desc, 1000)
	for _, c := range a.collectors() {
		c.Describe(descriptions)
	}
	close(descriptions)
	named := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descriptions {
		name := named.FindStringSubmatch(d.String())[1]
		names[name] = true
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if strings.HasSuffix(name, "_seconds") {
				names[name+suffix] = true
			}
		}
	}
	return names
}

var inQuery = regexp.MustCompile(`\bmzproxy_[a-z_]+`)

// The rules and the dashboard ask for metrics that exist, and promtool, where it is installed, finds nothing wrong with the rules and passes their tests.
func TestAlertsAndDashboard(t *testing.T) {
	known := everyMetric(t)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(deployed(t, "alerts.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, r := range rules.Groups[0].Rules {
		queries["alert "+r.Alert] = r.Expr
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("alert %s does not say what to do", r.Alert)
		}
		if !bytes.Contains(deployed(t, "alerts_test.yaml"), []byte(r.Alert)) {
			t.Errorf("alert %s has no test", r.Alert)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(deployed(t, "dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries["panel "+p.Title+": "+target.Expr] = target.Expr
		}
	}
	if len(queries) < 25 {
		t.Errorf("only %d queries", len(queries))
	}
	for where, query := range queries {
		names := inQuery.FindAllString(query, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing of ours", where)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s asks for %s, which does not exist", where, name)
			}
		}
	}
	t.Run("promtool", func(t *testing.T) {
		if _, err := exec.LookPath("promtool"); err != nil {
			t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
		}
		for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
			cmd := exec.Command("promtool", args...)
			cmd.Dir = deployFolder
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		// Every query of the dashboard is a recording rule for a moment, so that promtool reads it.
		file := filepath.Join(t.TempDir(), "queries.yaml")
		text := "groups:\n  - name: dashboard\n    rules:\n"
		for _, query := range queries {
			quoted, err := json.Marshal(query)
			if err != nil {
				t.Fatal(err)
			}
			text += "      - {record: 'a:b', expr: " + string(quoted) + "}\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("promtool", "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
			t.Errorf("a query of the dashboard is none: %v\n%s", err, out)
		}
	})
}

// manifest is a Kubernetes object, as far as it is looked at.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Data       map[string]string
	Spec       struct {
		Replicas     int
		MinAvailable int      `yaml:"minAvailable"`
		PolicyTypes  []string `yaml:"policyTypes"`
		Selector     any
		Template     struct {
			Spec struct {
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				Containers                    []struct {
					Args            []string
					Ports           []struct{ Name string }
					StartupProbe    probeSpec `yaml:"startupProbe"`
					ReadinessProbe  probeSpec `yaml:"readinessProbe"`
					LivenessProbe   probeSpec `yaml:"livenessProbe"`
					SecurityContext struct {
						ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
						AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

type probeSpec struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// The manifests are what Kubernetes takes and what production asks for.
func TestKubernetesManifests(t *testing.T) {
	objects := map[string]manifest{}
	for d := yaml.NewDecoder(bytes.NewReader(deployed(t, "kubernetes/mzproxy.yaml"))); ; {
		var m manifest
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		objects[m.APIVersion+"/"+m.Kind] = m
	}
	for _, want := range []string{"v1/Secret", "v1/ConfigMap", "apps/v1/Deployment", "v1/Service", "policy/v1/PodDisruptionBudget", "networking.k8s.io/v1/NetworkPolicy"} {
		if objects[want].Metadata.Name != "mzproxy" {
			t.Errorf("no %s", want)
		}
	}
	spec := objects["apps/v1/Deployment"].Spec
	pod := spec.Template.Spec
	c := pod.Containers[0]
	if spec.Replicas != 2 || objects["policy/v1/PodDisruptionBudget"].Spec.MinAvailable != 1 || !pod.SecurityContext.RunAsNonRoot || !c.SecurityContext.ReadOnlyRootFilesystem ||
		c.SecurityContext.AllowPrivilegeEscalation == nil || *c.SecurityContext.AllowPrivilegeEscalation || pod.TerminationGracePeriodSeconds <= 30 {
		t.Errorf("the deployment: %+v", spec)
	}
	if c.StartupProbe.HTTPGet.Path != "/startupz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("the probes: %+v", c)
	}
	if !slices.Equal(objects["networking.k8s.io/v1/NetworkPolicy"].Spec.PolicyTypes, []string{"Ingress", "Egress"}) {
		t.Error("the network policy does not hold both ways")
	}
	// The settings are taken as they stand.
	settingsTaken(t, []byte(objects["v1/ConfigMap"].Data["mzproxy.yaml"]))
}

// settingsTaken checks that a file of settings has no fault.
func settingsTaken(t *testing.T, data []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mzproxy.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MZPROXY_UPSTREAM", "postgres://h/d")
	if _, err := load([]string{"--config", file, "serve"}, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}

// The units and the other files say what the program understands.
func TestDeployFiles(t *testing.T) {
	settingsTaken(t, deployed(t, "mzproxy.yaml"))
	unit := string(deployed(t, "mzproxy.service"))
	for _, want := range []string{"Type=notify-reload\n", "ReloadSignal=SIGHUP\n", "NoNewPrivileges=yes\n", "ProtectSystem=strict\n", "DynamicUser=yes\n"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit has no %s", want)
		}
	}
	if !strings.Contains(string(deployed(t, "mzproxy.socket")), "FileDescriptorName=clients\n") {
		t.Error("the socket has no name")
	}
	if image := string(deployed(t, "Dockerfile")); !strings.Contains(image, "\nUSER 65532") || !strings.Contains(image, "-trimpath") || strings.Contains(image, "apt-get") {
		t.Error("the image is not small, not reproducible, or runs as root")
	}
	for _, name := range []string{"compose.yaml", "goreleaser.yaml"} {
		var any map[string]any
		if err := yaml.Unmarshal(deployed(t, name), &any); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if release := string(deployed(t, "goreleaser.yaml")); !strings.Contains(release, "checksum:") || !strings.Contains(release, "sboms:") {
		t.Error("a release has no checksums, or no bill of materials")
	}
}

// quietLog tells nobody.
func quietLog() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}
