// Counts the results of http-cache-tests by kind and names what failed, but for tests that only
// look how something is done. The last line is the number of required and of optimal tests that passed.
import fs from 'fs'

const [folder, file] = process.argv.slice(2)
const { default: suites } = await import(`${folder}/tests/index.mjs`)
const results = JSON.parse(fs.readFileSync(file))
const passed = { required: 0, optimal: 0 }
const all = { required: 0, optimal: 0 }

for (const test of suites.flatMap(suite => suite.tests)) {
  const kind = test.kind || 'required'
  if (test.browser_only || !(kind in all)) continue
  all[kind]++
  if (results[test.id] === true) passed[kind]++
  else console.log(`${kind}: ${test.id}: ${results[test.id]?.[1]}`)
}
console.log(`required ${passed.required} of ${all.required}, optimal ${passed.optimal} of ${all.optimal}`)
console.log(`${passed.required} ${passed.optimal}`)
