// The compile thread's entry: dist/compile/entry.js from its bundle.
require('./bundle.cjs').load(require('node:path').join(__dirname, '../dist/compile/bundle.cjs'))
