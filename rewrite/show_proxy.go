package rewrite

import "strings"

// ShowProxy is SHOW PROXY and what of it.
type ShowProxy struct{ What string } // STATUS, VERSION, CONFIG or CLIENTS

// Name is the command's words.
func (c ShowProxy) Name() string { return "SHOW PROXY " + c.What }

// The things that SHOW PROXY shows.
const (
	ProxyStatus  = "STATUS"
	ProxyVersion = "VERSION"
	ProxyConfig  = "CONFIG"
	ProxyClients = "CLIENTS"
)

var showProxy = recogniser{
	syntax: []string{"SHOW PROXY { STATUS | VERSION | CONFIG | CLIENTS }"},
	claims: func(p *parser) bool { return p.starts([]string{"show"}, []string{"proxy"}) },
	parse: func(p *parser) (Command, error) {
		p.advance(2)
		for _, what := range []string{ProxyStatus, ProxyVersion, ProxyConfig, ProxyClients} {
			if p.word(strings.ToLower(what)) {
				return ShowProxy{what}, nil
			}
		}
		return nil, p.fail()
	},
}
