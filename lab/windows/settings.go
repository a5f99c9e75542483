package windows

// Settings are those of the tests that run the real shims, as settings.Test.Lab.
type Settings struct {
	Shims  string // folder with the shims built for Windows
	Wine   string // prefix of the Wine that they run under
	Case   string // the one payload to give them; "" is the corpus and generated ones
	Seed   int    // of the generated payloads
	Checks int    // how many of those
}
