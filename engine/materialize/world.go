package materialize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine/mirror"
	"mzproxy/engine/reconcile"
)

const (
	// stillFor is how long the frontier may stand still before the picture is not of now any more: it moves about once a second.
	stillFor = 5 * time.Second
	// patience is how long somebody waits for a picture, or for one that is late enough.
	patience = 5 * time.Second
)

// world is what the client knows of the server: the latest picture, and whether it is of now. It is safe for concurrent use.
type world struct {
	start  sync.Once
	end    context.CancelFunc
	ended  sync.WaitGroup
	gauge  prometheus.Collector
	client *Client

	mu        sync.Mutex
	picture   *mirror.Picture // nil: there was none yet
	watching  bool            // the subscriptions run, and have told their beginnings
	movedAt   time.Time       // when the frontier moved last
	moved     chan struct{}   // closed at the next picture, and when the watch ends
	trouble   error           // why nothing is watched now
	settings  settings
	marks     map[string]mirror.Timestamp // by cluster: no picture is of now that is not later
	owed      map[string]int              // by cluster: how often it was written to, where it is not known yet at which timestamp
	touched   int                         // changes of clusters that others have told of
	caughtUp  int                         // how many of them the picture is known to show
	unknown   map[string]string           // by signal: why the server does not tell
	undated   bool
	listeners map[*listener]bool
}

// listener hears of changes, and of the end of the watch.
type listener struct {
	changed func(*mirror.Changes)
	lost    chan error
}

func newWorld(c *Client) *world {
	w := &world{client: c, moved: make(chan struct{}), marks: map[string]mirror.Timestamp{}, owed: map[string]int{}, listeners: map[*listener]bool{}}
	w.gauge = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_picture_age_seconds",
		Help: "How long ago the picture of the server that decisions rest on moved last; it does so about once a second. Beyond 5 nothing is decided."}, w.age)
	return w
}

// view is a picture as somebody sees it who looks at a moment.
type view struct {
	*mirror.Picture
	settings
	now     time.Time // by the server's clock
	undated bool
}

// run watches the server until the client is closed. It is called when the first one wants to know something.
func (w *world) run() {
	w.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		w.mu.Lock()
		w.end = cancel
		w.mu.Unlock()
		w.ended.Go(func() { w.watch(ctx) })
		w.ended.Go(func() { w.client.reader.run(ctx) })
	})
}

// close ends the watch. A world that was never watched will not be.
func (w *world) close() {
	w.start.Do(func() {})
	w.mu.Lock()
	end := w.end
	w.mu.Unlock()
	if end != nil {
		end()
	}
	w.ended.Wait()
}

// age is how long ago the frontier moved, in seconds.
func (w *world) age() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.picture == nil {
		return 0
	}
	return time.Since(w.movedAt).Seconds()
}

// see returns a view of now, for some clusters; none: all. It waits for one for some time, as it does where what was done to one of the clusters
// is not in the picture yet.
func (w *world) see(ctx context.Context, ids ...string) (*view, error) {
	w.run()
	if owed := w.debts(ids); len(owed) > 0 {
		at, err := w.client.serverNow(ctx)
		if err != nil {
			return nil, err
		}
		w.pay(owed, at)
	}
	return w.seeFrom(ctx, 0, ids...)
}

// seeTouched is see for a picture that shows all changes that were told of.
func (w *world) seeTouched(ctx context.Context) (*view, error) {
	upTo, untouched := w.untouched()
	if untouched {
		return w.seeFrom(ctx, 0)
	}
	at, err := w.client.serverNow(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.seeFrom(ctx, at)
	if err == nil {
		w.shows(upTo)
	}
	return v, err
}

// seeFrom is see for a picture that is not older than a timestamp.
func (w *world) seeFrom(ctx context.Context, from mirror.Timestamp, ids ...string) (*view, error) {
	w.run()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		v, moved, err := w.latest(from, ids)
		if err == nil {
			return v, nil
		}
		select {
		case <-moved:
		case <-timer.C:
			return nil, err
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// old returns the latest picture, of whatever time, and why it is not one of now; nil: there is none.
func (w *world) old() (*view, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.picture == nil {
		return nil, nil
	}
	return &view{w.picture, w.settings, w.picture.Time().Add(time.Since(w.movedAt)), w.undated}, w.still()
}

// latest returns a view of the latest picture, or why it is not one of now.
func (w *world) latest(from mirror.Timestamp, ids []string) (*view, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.still(); err != nil {
		return nil, w.moved, err
	}
	for id, mark := range w.marks {
		if mark <= w.picture.At {
			delete(w.marks, id)
		} else if len(ids) == 0 {
			from = max(from, mark)
		}
	}
	for _, id := range ids {
		from = max(from, w.marks[id])
	}
	if w.picture.At < from {
		return nil, w.moved, fmt.Errorf("%w: it is %s behind", errBehind, time.Duration(from-w.picture.At)*time.Millisecond)
	}
	return &view{w.picture, w.settings, w.picture.Time().Add(time.Since(w.movedAt)), w.undated}, nil, nil
}

var (
	errBehind = errors.New("the picture of the server does not show yet what was done")
	errStill  = errors.New("the picture of the server stands still")
	errNone   = errors.New("there is no picture of the server yet")
)

// still says why the picture is not of now; nil: it is. The caller holds the lock.
func (w *world) still() error {
	age := time.Since(w.movedAt)
	switch {
	case w.trouble != nil:
		return w.trouble
	case w.picture == nil || !w.watching:
		return errNone
	case age > stillFor:
		return fmt.Errorf("%w: the server has told nothing for %s", errStill, age.Round(time.Second))
	}
	return nil
}

// Trouble says why nothing can be decided now for want of a picture; nil: there is one of now, or nobody has asked for any.
func (c *Client) Trouble() error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if c.world.end == nil {
		return nil
	}
	return c.world.still()
}

// owe says that a cluster, or what is stored about it, is written to: only a picture of a later timestamp is of now.
func (w *world) owe(ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.owed[id]++
	}
}

// oweAll is owe for all clusters.
func (w *world) oweAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.picture == nil {
		return
	}
	for id := range w.picture.Clusters {
		w.owed[id]++
	}
}

// debts are the writes to some clusters, or, with none named, to all, whose timestamps are not known.
func (w *world) debts(ids []string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(ids) == 0 {
		return maps.Clone(w.owed)
	}
	owed := map[string]int{}
	for _, id := range ids {
		if n, ok := w.owed[id]; ok {
			owed[id] = n
		}
	}
	return owed
}

// pay says that writes are of timestamps before one that the server gave since.
func (w *world) pay(owed map[string]int, at mirror.Timestamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, n := range owed {
		w.marks[id] = max(w.marks[id], at)
		if w.owed[id] == n {
			delete(w.owed, id)
		}
	}
}

// Touch says that somebody has changed clusters a moment ago: who looks for people, or at the point of action, waits for a picture that shows it.
func (c *Client) Touch() {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.touched++
}

// untouched tells whether the picture is known to show all changes that were told of.
func (w *world) untouched() (upTo int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.touched, w.touched == w.caughtUp
}

func (w *world) shows(upTo int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.caughtUp = max(w.caughtUp, upTo)
}

// publish makes a picture the latest one.
func (w *world) publish(p *mirror.Picture, changes *mirror.Changes) {
	now := time.Now()
	if w.client.clock.note(now, p.Time()) {
		changes.All = true
	}
	w.mu.Lock()
	before := w.picture
	if !w.watching {
		before = nil
	}
	w.client.reader.compare(before, p, changes)
	w.picture, w.movedAt, w.watching, w.trouble = p, now, true, nil
	w.wake()
	w.mu.Unlock()
	w.tell(changes)
}

// wake wakes who waits for the next picture. The caller holds the lock.
func (w *world) wake() {
	close(w.moved)
	w.moved = make(chan struct{})
}

// lose notes that nothing is watched any more.
func (w *world) lose(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watching, w.trouble = false, why
	w.unknown, w.undated = nil, false // the server may be another one next time
	w.wake()
	for l := range w.listeners {
		select {
		case l.lost <- why:
		default:
		}
	}
}

// tell tells those who listen of changes.
func (w *world) tell(changes *mirror.Changes) {
	w.mu.Lock()
	var told []*listener
	for l := range w.listeners {
		told = append(told, l)
	}
	w.mu.Unlock()
	for _, l := range told {
		l.changed(changes)
	}
}

// Watch tells of what changes from one picture to the next. up is called when there is a picture of now; it returns when nothing is watched any more.
func (c *Client) Watch(ctx context.Context, up func(), changed func(reconcile.Change)) error {
	w := c.world
	l := &listener{lost: make(chan error, 1), changed: func(changes *mirror.Changes) {
		if changes.All {
			changed(reconcile.Change{})
			return
		}
		for id, strategies := range changes.Clusters {
			changed(reconcile.Change{ClusterID: id, Strategies: strategies})
		}
	}}
	w.mu.Lock()
	w.listeners[l] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.listeners, l)
		w.mu.Unlock()
	}()
	if _, err := w.see(ctx); err != nil {
		return err
	}
	up()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-l.lost:
		return err
	}
}
