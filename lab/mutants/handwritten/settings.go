package handwritten

// Settings are what a run of mutants tells a test process, as settings.Test.Lab.
type Settings struct {
	Choice          // to be that mutant
	Many   *Mutants `json:",omitempty"` // or each of these, one after the other
}

// Choice is a wrong decoder: one of the mutants that the build has, by its number, or
// written by hand. The zero value is the decoder as it is.
type Choice struct {
	Number int
	Bug    string
}

// Mutants are those that one process is to run a layer of the suite on.
type Mutants struct {
	Walk bool // everything small; the corpus otherwise
	All  []Choice
	Part int // of the enumeration's payloads, one batch in that many; 0 is all of them
	Seed int // chooses the part
}

// Line begins a line that says what becomes of one of Mutants: a number, a space, and Runs,
// Lives, or else the test that has killed it. End is the last one.
const (
	Line  = "shimfuzz mutant "
	Runs  = "runs"
	Lives = "lives"
	End   = "shimfuzz mutants end"
)
