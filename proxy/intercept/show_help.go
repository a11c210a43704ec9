package intercept

import (
	"context"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// showHelp answers SHOW STRATEGY HELP with the grammar.
func (h *handler) showHelp() *proxy.Answer {
	return h.answer([]proxy.Column{{Name: "help", OID: pgtext.TypeText}}, "", func(_ context.Context, t *table) error {
		for _, line := range append([]string{
			"Strategies are rows of mz_cluster_strategies (cluster_id, strategy_type, config):",
			"    INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config)",
			"    VALUES ('prod', 'target_size', '{\"target_size\": \"100cc\"}');",
			"INSERT, UPDATE and DELETE take effect at once. SHOW STRATEGY TYPES lists the types.",
			"In psql, \\x auto makes wide tables readable.",
			"",
		}, rewrite.Grammar()...) {
			t.add(text(line))
		}
		return nil
	})
}
