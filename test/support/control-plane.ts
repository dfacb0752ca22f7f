// A management server for scenarios: the one that the unit tests of src/xds use, as the build made it.
export * from '#dist/xds/control-plane.test-support.js'
