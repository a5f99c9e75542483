# Every target puts the right hcsshim under test first, if it is not there yet.

# What a user may choose; see help.
export HCSSHIM FINDINGS FUZZTIME TARGET CASE TREE SANITIZER SEED CHECKS BENCHTIME MUTANT SAMPLE SEEDS READER

# The program behind the targets; go build is quick when nothing has changed.
RUN = @GOFLAGS= GOWORK=off go build -buildvcs=false -o build/shimfuzz ./cmd/shimfuzz && build/shimfuzz

.PHONY: help extract test fuzz repro keep tree oss-fuzz oss-fuzz-proof corpus check-corpus record matrix conformance mutants baselines history steady overhead bench e2e e2e-tools lint clean
.DEFAULT_GOAL := help

help:
	@echo 'make test            everything that must hold, on both decoders        SEED=1 CHECKS=300'
	@echo 'make fuzz            the fuzz targets on hcsshim                         FUZZTIME=30s TARGET=FuzzX'
	@echo 'make repro CASE=file what a payload is, and what each decoder answers'
	@echo 'make keep CASE=file  keep it in fuzz/testdata: go test runs it from now on'
	@echo 'make corpus          write corpus/ from its table'
	@echo 'make check-corpus    fail unless corpus/ is what the table gives'
	@echo 'make record          record what five releases of containerd write, for make corpus'
	@echo 'make matrix          which containerd works with which shim'
	@echo 'make conformance READER=command  hold a reader in any language to the contract'
	@echo 'make oss-fuzz        what OSS-Fuzz does: build, check, fuzz               FUZZTIME=60s SANITIZER=coverage'
	@echo 'make oss-fuzz-proof  let the built fuzzers find what is wrong with v0.14.1, whatever HCSSHIM'
	@echo 'make mutants         break the decoders in a thousand ways, see that it shows  SAMPLE=100 MUTANT=name'
	@echo 'make baselines       how soon bugs are found, beside simpler fuzz targets     SAMPLE=20 FUZZTIME=5s'
	@echo 'make history         find every known defect anew, on the releases that have it'
	@echo 'make steady          the properties with many seeds                      SEEDS=100 CHECKS=300'
	@echo 'make overhead        what the checks cost: executions and checks a second'
	@echo 'make bench           speed and memory of the decoders'
	@echo 'make e2e             the real shims for Windows, under Wine: serve and start  SEED=1 CHECKS=300 CASE=file'
	@echo 'make e2e-tools       install what that needs, from Debian, as root'
	@echo 'make lint            gofmt, vet, staticcheck'
	@echo 'make extract         only put hcsshim under test (what go generate does)'
	@echo 'make tree TREE=dir   write the suite with the extracted code in it, as plain files'
	@echo 'make clean           remove everything built or extracted'
	@echo
	@echo 'Any of these takes HCSSHIM=v0.14.1 or HCSSHIM=../hcsshim (a checkout) to test that one,'
	@echo 'and FINDINGS=none or FINDINGS=v0.15.0 to choose which known findings are excused.'

extract:
	$(RUN) extract

test:
	$(RUN) test

fuzz:
	$(RUN) fuzz

repro:
	$(RUN) repro

keep:
	$(RUN) keep

tree:
	$(RUN) tree

corpus:
	$(RUN) corpus

check-corpus:
	$(RUN) check-corpus

record:
	$(RUN) record

matrix:
	$(RUN) matrix

conformance:
	$(RUN) conformance

oss-fuzz:
	$(RUN) oss-fuzz

oss-fuzz-proof:
	$(RUN) oss-fuzz-proof

mutants:
	$(RUN) mutants

baselines:
	$(RUN) baselines

history:
	$(RUN) history

steady:
	$(RUN) steady

overhead:
	$(RUN) overhead

bench:
	$(RUN) bench

e2e:
	$(RUN) e2e

e2e-tools:
	$(RUN) e2e-tools

lint:
	$(RUN) lint

clean:
	rm -rf build internal/hcsshim/zz_readoptions.go internal/hcsshim/linked properties/testdata
