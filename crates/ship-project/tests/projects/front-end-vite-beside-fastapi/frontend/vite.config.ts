import { resolve } from 'node:path'
// outDir: 'old'
export default { build: { outDir: resolve(__dirname, '..', 'pages') } }
