// Package architecture holds the packages of the suite to their order: who may
// import whom. Its test also draws the picture in docs/architecture.md.
package architecture
