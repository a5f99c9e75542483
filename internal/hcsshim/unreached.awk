# Reads the extracted files and then a profile of coverage: what is not reached, by its place in hcsshim. Above
# each declaration stands from where it is; a block of Create's is changed, so its lines are about these.
FNR == 1 { file = FILENAME; sub(/.*\//, "", file) }
/^\/\/ From / { sub(/,/, "", $3); from = $3; line = $5 - FNR - 2 }
{ at[file, FNR] = from ":" line + FNR; text[file, FNR] = $0 }
/^shimfuzz\/extracted\// {
	split($1, p, /[\/:.]/)
	blocks++
	if (!$NF) {
		missed++
		print "NOT REACHED: hcsshim's " at[p[3] "." p[4], p[5]] ":" text[p[3] "." p[4], p[5]]
	}
}
END { print blocks + 0 " blocks of readOptions, of Create and of what they reach"; exit missed || !blocks }
