package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server is what cases run on.
type Server struct {
	Ordinary  string // connection string of a role that may make clusters, roles and tables, and is no superuser
	Superuser string // of one; "" means that there is none
	Real      bool   // a Materialize, whose types are its own
}

// Difference is an answer that is not the one that a case wants.
type Difference struct {
	Case *Case
	Step Step
	Got  []string
}

// String shows the case, and both answers.
func (d Difference) String() string {
	return fmt.Sprintf("%s:%d: %s\n  %s\n got\n%s\nwant\n%s", d.Case.File, d.Step.Line, d.Case.Name, d.Step.head(),
		indentAll(d.Got), indentAll(d.Step.Want))
}

func (s Step) head() string {
	if s.Mode == "" {
		return s.Session + "> " + s.Text
	}
	return fmt.Sprintf("%s (%s)> %s", s.Session, s.Mode, s.Text)
}

func indentAll(all []string) string {
	return indent + strings.Join(all, "\n"+indent)
}

// Runner runs cases one after the other, and keeps sessions for the next.
type Runner struct {
	server   Server
	extended bool
	kept     map[string]*conn
}

// NewRunner is for cases in one of the protocols.
func NewRunner(s Server, extended bool) *Runner {
	return &Runner{server: s, extended: extended, kept: map[string]*conn{}}
}

// Close ends the sessions.
func (r *Runner) Close() {
	for _, c := range r.kept {
		c.close()
	}
	r.kept = nil
}

// Skips tells why a case is not for this server and protocol; "" means that it is.
func (r *Runner) Skips(c *Case) string {
	switch {
	case c.Protocol == modeSimple && r.extended, c.Protocol == modeExtended && !r.extended:
		return "is about the " + c.Protocol + " protocol"
	case c.Unable != "" && !r.server.Real:
		return "cannot hold on PostgreSQL: " + c.Unable
	case c.StandIn != "" && r.server.Real:
		return "is for the stand-in: " + c.StandIn
	case c.Superuser && r.server.Superuser == "":
		return "needs a superuser"
	}
	return ""
}

// run is one case while it runs.
type run struct {
	*Runner
	c        *Case
	sessions map[string]*conn
	print    bool
}

// Run runs a case, cleans up behind it, and returns what differs. An error says that it could not run. With print it
// prints every answer as a case file would have it.
func (r *Runner) Run(ctx context.Context, c *Case, print bool) ([]Difference, error) {
	one := run{r, c, map[string]*conn{}, print}
	if print {
		fmt.Printf("==== %s\n\n", c.Name)
	}
	different, err := one.steps(ctx)
	return different, errors.Join(err, one.cleanUp(ctx))
}

func (r run) steps(ctx context.Context) ([]Difference, error) {
	session := "a"
	if r.c.Options != nil {
		session = setupSession // the options may be about what is set up
	}
	for _, sql := range r.c.Setup {
		if err := r.must(ctx, session, sql); err != nil {
			return nil, err
		}
	}
	var all []Difference
	for _, s := range r.c.Steps {
		got, err := r.step(ctx, s)
		if err != nil {
			return all, fmt.Errorf("%s:%d: %w", r.c.File, s.Line, err)
		}
		if r.print {
			fmt.Printf("%s\n%s\n\n", s.head(), indentAll(got))
		}
		if s.Mode != modeWaits && !match(s, got, r.c.Brief, r.server.Real) {
			all = append(all, Difference{r.c, s, got})
			if r.c.Pending != "" && !r.server.Real {
				break // as it was expected
			}
		}
	}
	return all, nil
}

// step runs one step, and returns the answer.
func (r run) step(ctx context.Context, s Step) ([]string, error) {
	if options, ok := strings.CutPrefix(s.Text, `\connect`); ok {
		return r.connect(ctx, s.Session, strings.Fields(options)), nil
	}
	if quoted, ok := strings.CutPrefix(s.Text, `\quoted `); ok {
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Text, err)
		}
		s.Text = text
	}
	c, err := r.session(ctx, s.Session)
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(s.Text, `\parameter `); ok {
		if value, ok := c.parameters[name]; ok {
			return []string{parameterLine + name + " = " + value}, nil
		}
		return []string{"no parameter"}, nil
	}
	switch s.Mode {
	case modeWaits:
		return nil, c.send(r.protocol(s.Mode), s.Text)
	case modeAnswers:
		return c.answer(s.data()), nil
	case modeUntil:
		pause := 10 * time.Millisecond
		for deadline := time.Now().Add(r.patience()); ; time.Sleep(pause) { // the poll of a condition
			pause = min(2*pause, 200*time.Millisecond)
			got := c.tell(r.protocol(""), s.Text, nil)
			if time.Now().After(deadline) || match(s, got, r.c.Brief, r.server.Real) {
				return got, nil
			}
		}
	}
	return c.tell(r.protocol(s.Mode), s.Text, s.data()), nil
}

// protocol is the mode in which a text is sent.
func (r run) protocol(mode string) string {
	if (mode == "" || mode == modeWaits) && r.extended {
		return modeExtended
	}
	return mode
}

// patience is shorter for what is not expected.
func (r run) patience() time.Duration {
	if r.c.Pending != "" && !r.server.Real {
		return 2 * time.Second
	}
	return patience
}

// data are the rows that a step has for COPY FROM STDIN.
func (s Step) data() []string {
	var all []string
	if i := slices.Index(s.Want, copyIn); i >= 0 {
		for _, line := range s.Want[i+1:] {
			if d, ok := strings.CutPrefix(line, dataLine); ok {
				all = append(all, d)
			}
		}
	}
	return all
}

// connect opens a session anew, and answers what the server says at the start.
func (r run) connect(ctx context.Context, session string, options []string) []string {
	if old := r.sessions[session]; old != nil {
		old.close()
	}
	url, user := r.login(session)
	c, err := dial(ctx, url, slices.Concat(user, options))
	if err != nil {
		delete(r.sessions, session)
		return failure(err)
	}
	c.own = true
	r.sessions[session] = c
	return append(slices.Clone(c.greeting), "connected")
}

// Sessions whose names are no roles.
const (
	superSession = "super" // the superuser's
	setupSession = "setup" // in which a case with options is set up
)

// login is how a session connects.
func (r run) login(session string) (url string, options []string) {
	letter := len(session) == 1
	if session == superSession || r.c.Superuser && (letter || session == setupSession) {
		url = r.server.Superuser
	} else {
		url = r.server.Ordinary
	}
	switch {
	case letter:
		return url, r.c.Options
	case session == superSession, session == setupSession:
		return url, nil
	}
	return url, []string{"user=" + session}
}

// session is the session of a name; one that an earlier case has left, if it may be.
func (r run) session(ctx context.Context, name string) (*conn, error) {
	if c := r.sessions[name]; c != nil {
		return c, nil
	}
	url, options := r.login(name)
	if url == "" {
		return nil, errors.New("there is no superuser")
	}
	if c := r.kept[url+" "+name]; c != nil && options == nil {
		delete(r.kept, url+" "+name)
		r.sessions[name] = c
		return c, nil
	}
	c, err := dial(ctx, url, options)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", name, err)
	}
	r.sessions[name] = c
	return c, nil
}

// must runs a text that has to succeed.
func (r run) must(ctx context.Context, session, sql string) error {
	c, err := r.session(ctx, session)
	if err != nil {
		return err
	}
	if wrong := firstError(c.tell(modeSimple, sql, nil)); wrong != "" {
		return fmt.Errorf("%s:%d: %s: %s", r.c.File, r.c.Line, sql, wrong)
	}
	return nil
}
