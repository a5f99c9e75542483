# The targets are the subcommands of cmd/shimfuzz, and a variable given to make is
# a flag there: make help lists both.

TARGETS = help help-all test exhaustive fuzz repro keep conformance descriptors examples examples-tools differential \
	matrix e2e windows e2e-tools oss-fuzz report patch extract env tree lint bench corpus check-corpus record oss-fuzz-proof submission mutants baselines history upstream steady overhead
VARIABLES = HCSSHIM ENTRY FINDINGS FINDING SEED CHECKS PAYLOADS FUZZTIME TARGET CASE READER OPTIONS LEVEL LONGEST EXPECTED UPDATE TREE SANITIZER MUTANT SAMPLE ALONE SEEDS BENCHTIME STATS REPO CONTACT

# Those that stand on make's command line. The program takes HCSSHIM, ENTRY and
# FINDINGS from the environment by itself, as go test does.
given = $(foreach v,$(VARIABLES),$(if $(and $($v),$(filter command,$(origin $v))),-$(shell echo $v | tr A-Z a-z)='$(subst ','\'',$($v))'))

.DEFAULT_GOAL := help
.PHONY: $(TARGETS) nightly clean

# go build is quick when nothing has changed, and builds for this machine.
$(TARGETS):
	@GOFLAGS= GOWORK=off GOOS= GOARCH= go build -buildvcs=false -o build/shimfuzz ./cmd/shimfuzz && build/shimfuzz $@ $(given)

# Every check in full: some three hours on two cores, most of them for fuzzing.
nightly:
	$(MAKE) lint
	$(MAKE) check-corpus
	$(MAKE) test SEED=$$(date +%Y%m%d) CHECKS=5000
	$(MAKE) exhaustive
	$(MAKE) history
	$(MAKE) matrix
	$(MAKE) conformance READER=build/readers/reference/reference CHECKS=5000
	$(MAKE) conformance READER='build/readers/reference/reference launch'
	$(MAKE) examples
	$(MAKE) differential PAYLOADS=2000000
	$(MAKE) e2e CHECKS=1000
	$(MAKE) windows
	$(MAKE) report
	$(MAKE) patch
	$(MAKE) test HCSSHIM=build/patch/hcsshim FINDINGS=none
	$(MAKE) test HCSSHIM=build/patch/launch/hcsshim FINDINGS=none
	$(MAKE) upstream
	$(MAKE) fuzz FUZZTIME=10m
	$(MAKE) oss-fuzz FUZZTIME=5m
	$(MAKE) oss-fuzz SANITIZER=coverage
	$(MAKE) oss-fuzz-proof
	$(MAKE) mutants
	$(MAKE) baselines
	$(MAKE) steady
	$(MAKE) overhead

clean:
	rm -rf build internal/hcsshim/zz_*.go internal/hcsshim/linked properties/testdata
