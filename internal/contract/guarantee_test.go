package contract

import (
	"os"
	"strings"
	"testing"
)

// docs/contract.md has every guarantee, word for word, with the rules that it
// stands for, and has these rules.
func TestGuaranteesAreInTheContract(t *testing.T) {
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("`", "", "*", "").Replace(string(text))
	for _, g := range Guarantees {
		if row := "| " + g.Name + " | " + g.Text + " | " + g.Rules + " |\n"; !strings.Contains(page, row) {
			t.Errorf("docs/contract.md does not have the row\n%s", row)
		}
		for _, word := range strings.FieldsFunc(g.Rules, func(r rune) bool { return strings.ContainsRune(" ,;()", r) }) {
			isRule := len(word) >= 2 && strings.ContainsRune("ORLMSC", rune(word[0])) && word[1] >= '0' && word[1] <= '9'
			if isRule && !strings.Contains(page, "\n| "+word+" |") && !strings.Contains(page, "\n"+word+" ") && !strings.Contains(page, "\n- "+word+" ") {
				t.Errorf("%s stands for %s, which docs/contract.md does not have", g.Name, word)
			}
		}
	}
}
