package materialize

import (
	"context"
	"fmt"
	"time"

	"mzproxy/engine/mirror"
)

// once reads what is otherwise watched of the catalog, in one statement, for who looks once and changes nothing. Our own tables, which may not be there yet,
// are not read.
func (c *Client) once(ctx context.Context) (*view, error) {
	if err := c.world.loadSettings(ctx); err != nil {
		return nil, err
	}
	v, err := c.readOnce(ctx)
	if (isMissing(err) || isForbidden(err)) && c.world.probe(ctx) {
		v, err = c.readOnce(ctx)
	}
	return v, err
}

func (c *Client) readOnce(ctx context.Context) (*view, error) {
	catalog, own, unknown := c.world.relations()
	m := mirror.New(catalog, own, unknown)
	frontier := func(at mirror.Timestamp) error {
		for _, from := range []mirror.Source{mirror.FromCatalog, mirror.FromTables} {
			if _, err := m.Take(from, mirror.Line{At: at, Progress: true}); err != nil {
				return fmt.Errorf("read the catalog: %w", err)
			}
		}
		return nil
	}
	if err := frontier(1); err != nil {
		return nil, err
	}
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return nil, wrapped("connect", err)
	}
	defer conn.Release()
	lines := lineWriter{func(line string) error {
		l, err := mirror.ParseLine(line)
		if err == nil {
			_, err = m.Take(mirror.FromCatalog, l)
		}
		return err
	}, nil}
	if _, err := conn.Conn().PgConn().CopyTo(ctx, &lines, "COPY (SELECT 1, false, 1, r.* FROM ("+mirror.Query(catalog)+") r) TO STDOUT"); err != nil {
		return nil, wrapped("read the catalog", err)
	}
	if err := frontier(2); err != nil {
		return nil, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return &view{m.Picture(), c.world.settings, c.clock.there(time.Now()).UTC(), false}, nil
}
