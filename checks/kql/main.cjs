'use strict';
// One request a line on stdin, one answer a line on stdout, both JSON; the database of one request serves the next.
//   {database, scripts: [{file, text}]}        → {findings, schema}
//   {queries: [{file, line, text}]}            → {findings, calls: {file: [function…]}}
// A finding is {file, line, column, code, message}. Scripts are learnt in their order, so that a name is known only
// after the command that makes it; queries are checked against all of it.

const readline = require('readline');
const { array, blocksOf, ofKind } = require('./language.cjs');
const { Database } = require('./database.cjs');
const { brokenRules, retention } = require('./rules.cjs');
const { questionable, calledFunctions } = require('./semantics.cjs');

const SEVERE = ['Error', 'Warning'];

function positionOf(text, offset, firstLine) {
    const before = text.slice(0, Math.max(0, offset)).split('\n');
    return { line: firstLine + before.length - 1, column: before.at(-1).length + 1 };
}

class Report {
    constructor() {
        this.findings = [];
    }

    /** Notes what the parser and the checks say of one block of a file's text. */
    add(source, block, problems) {
        for (const { code, message, at, offset } of problems) {
            const start = block.start + (offset ?? at?.TextStart ?? block.text.search(/\S/));
            this.findings.push({ file: source.file, ...positionOf(source.text, start, source.line ?? 1), code, message });
        }
    }
}

function* diagnostics(code) {
    for (const problem of array(code.GetDiagnostics())) {
        if (!SEVERE.includes(String(problem.Severity))) continue;
        yield { code: problem.Code, message: problem.Message, offset: problem.HasLocation ? problem.Start : undefined };
    }
}

function checkScript(script, database, report) {
    for (const block of blocksOf(script.text)) {
        const code = database.analyze(block.text);
        const [command] = ofKind(code.Syntax, 'CustomCommand');
        report.add(script, block, diagnostics(code));
        if (!command) {
            report.add(script, block, [{ code: 'command', message: 'a script holds management commands only' }]);
            continue;
        }
        report.add(script, block, questionable(code.Syntax, database));
        report.add(script, block, brokenRules(command, database));
        database.learn(command);
    }
}

function checkQuery(query, database, report) {
    const block = { start: 0, text: query.text };
    const code = database.analyze(query.text);
    report.add(query, block, diagnostics(code));
    report.add(query, block, questionable(code.Syntax, database));
    if ([...ofKind(code.Syntax, 'UnknownCommand')].length) {
        report.add(query, block, [{ code: 'command', message: 'unknown management command' }]);
    }
    return calledFunctions(code.Syntax, database);
}

function checkScripts(database, scripts) {
    const report = new Report();
    for (const script of scripts) checkScript(script, database, report);
    const file = scripts.at(-1)?.file ?? '';
    for (const problem of retention(database)) report.findings.push({ file, line: 1, column: 1, ...problem });
    return { findings: report.findings, schema: database.describe() };
}

function checkQueries(database, queries) {
    const report = new Report();
    const calls = {};
    for (const query of queries) {
        const called = checkQuery(query, database, report);
        calls[query.file] = [...new Set([...(calls[query.file] ?? []), ...called])];
    }
    return { findings: report.findings, calls };
}

let database = null;

function answer(request) {
    if (request.scripts) {
        database = new Database(request.database);
        return checkScripts(database, request.scripts);
    }
    return checkQueries(database, request.queries);
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    console.log(JSON.stringify(answer(JSON.parse(line))));
});
