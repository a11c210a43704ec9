package rewrite

import "testing"

func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{
		"short": "SELECT abalance FROM pgbench_accounts WHERE aid = $1;",
		"hit":   "INSERT INTO mz_cluster_strategies VALUES ('u1', 'burst', '{}')",
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				Match(data)
			}
		})
	}
}
