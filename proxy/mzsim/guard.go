package mzsim

import (
	"fmt"
)

// guardScript waits for the end of its input, which comes when stop closes the pipe, or when the
// kernel does because this program was killed. $1 is the data directory, $2 what to remove, or empty.
const guardScript = `trap '' INT TERM HUP
cat >/dev/null
read -r pid 2>/dev/null <"$1/postmaster.pid" && kill -QUIT "$pid" 2>/dev/null
[ -n "$2" ] || exit 0
for i in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf "$2" 2>/dev/null
	sleep 0.2
	[ -e "$2" ] || exit 0
done`

// guard starts the watchdog, before there is anything to leave behind.
func (p *postgres) guard() error {
	temporary := ""
	if p.temporary {
		temporary = p.dir
	}
	p.watchdog = p.command("/bin/sh", "-c", guardScript, "mzsim-watchdog", p.dataDir(), temporary)
	p.watchdog.Dir = "/"
	pipe, err := p.watchdog.StdinPipe()
	if err == nil {
		err = p.watchdog.Start()
	}
	if err != nil {
		p.watchdog = nil
		return fmt.Errorf("start watchdog: %w", err)
	}
	p.lifeline = pipe
	return nil
}
