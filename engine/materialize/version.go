package materialize

import (
	"fmt"
	"strconv"
	"strings"
)

// version is that of the server. All that depends on it is decided here.
type version struct {
	major, minor int
	known        bool
}

// The version from which on managed clusters are resized in the background, and burst by themselves.
var inBackground = version{26, 35, true}

// parseVersion reads what SHOW mz_version says, as v26.39.0-dev (30e4b1d241). What cannot be read is not known.
func parseVersion(text string) version {
	parts := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	if len(parts) < 3 {
		return version{}
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil {
		return version{}
	}
	return version{major, minor, true}
}

// version is the server's, as it was read when the watch began.
func (c *Client) version() version {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.world.settings.version
}

func (v version) String() string { return fmt.Sprintf("v%d.%d", v.major, v.minor) }

// before tells whether a version is known to be older than another one.
func (v version) before(other version) bool {
	return v.known && (v.major < other.major || v.major == other.major && v.minor < other.minor)
}

// waits tells whether a resize has to be asked to wait for its new replicas: otherwise it takes the old ones away at once. Of a server that does not say how
// old it is, that is assumed.
func (v version) waits() bool { return !v.known || v.before(inBackground) }

// noAutoScaling says why managed clusters take no AUTO SCALING STRATEGY; empty: they do, or the server says otherwise when it is asked.
func (v version) noAutoScaling() string {
	if !v.before(inBackground) {
		return ""
	}
	return fmt.Sprintf("AUTO SCALING STRATEGY needs Materialize %s, and this is %s", inBackground, v)
}
