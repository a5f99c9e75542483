package contract

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/contract.md has every guarantee, word for word, with the rules that it
// stands for, and has these rules. A guarantee is written as its name, and only those
// that there are can be read.
func TestGuarantees(t *testing.T) {
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("`", "", "*", "").Replace(string(text))
	for _, g := range Guarantees {
		name, err := g.MarshalText()
		var got Guarantee
		if err != nil || got.UnmarshalText(name) != nil || got != g {
			t.Errorf("%v became %v", g, got)
		}
		if row := "| " + g.Name + " | " + g.Text + " | " + g.Rules + " |\n"; !strings.Contains(page, row) {
			t.Errorf("docs/contract.md does not have the row\n%s", row)
		}
		for _, rule := range regexp.MustCompile(`\b[ORMSC][0-9]\w*`).FindAllString(g.Rules, -1) {
			if !regexp.MustCompile(`\n(\| |- |)` + rule + `\b`).MatchString(page) {
				t.Errorf("%s stands for %s, which docs/contract.md does not have", g.Name, rule)
			}
		}
	}
	if err := new(Guarantee).UnmarshalText([]byte("well")); err == nil {
		t.Error("an unknown guarantee is accepted")
	}
}
