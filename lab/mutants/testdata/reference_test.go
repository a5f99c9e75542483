package reference_test

import _ "shimfuzz/internal/verify" // whose settings say which mutant this package is
