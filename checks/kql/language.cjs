'use strict';
// Microsoft's Kusto.Language, as npm ships it: a .NET library compiled to JavaScript (Bridge.NET), made for browsers.

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const FILES = ['bridge.min.js', 'Kusto.Language.Bridge.min.js'];

function load() {
    const folder = path.join(__dirname, '..', '..', 'node_modules', '@kusto', 'language-service-next');
    const log = console.log;
    console.log = () => {}; // Bridge prints a banner, and stdout is the answer's
    for (const file of FILES) {
        const filename = path.join(folder, file);
        vm.runInThisContext(fs.readFileSync(filename, 'utf8'), { filename });
    }
    console.log = log;
    return globalThis.Kusto.Language;
}

const Language = load();
const Bridge = globalThis.Bridge;

/** A .NET list as an array; nothing as an empty one. */
function array(list) {
    return list ? Bridge.toArray(list) : [];
}

/** An array as a .NET List of that type. */
function listOf(type, items) {
    const list = new (globalThis.System.Collections.Generic.List$1(type).ctor)();
    items.forEach((item) => list.add(item));
    return list;
}

/** The name of a syntax node's class, such as 'SummarizeOperator'. */
function kindOf(node) {
    return Bridge.getTypeName(node).replace(/^.*\./, '');
}

/** The node and all below it, in the order of the text. */
function* walk(node) {
    if (!node) return;
    yield node;
    for (let i = 0; i < (node.ChildCount || 0); i++) yield* walk(node.GetChild(i));
}

/** All nodes of that class at or below the node. */
function ofKind(node, kind) {
    return [...walk(node)].filter((child) => kindOf(child) === kind);
}

/** The texts of the node's tokens, in order. */
function tokensOf(node) {
    return [...walk(node)].filter((child) => kindOf(child).startsWith('SyntaxToken')).map((token) => token.Text);
}

/** All nodes that the grammar gives that name (TableName, ColumnType…) at or below the node. */
function named(node, name) {
    return [...walk(node)].filter((child) => child.NameInParent === name);
}

/** What the first node of that grammar name says: an identifier's name or a literal's value; null without one. */
function wordOf(node, name) {
    const [found] = named(node, name);
    if (!found) return null;
    if (found.SimpleName !== undefined && found.SimpleName !== null) return found.SimpleName;
    if (kindOf(found) === 'LiteralExpression') return String(found.LiteralValue ?? found.ConstantValue ?? '');
    return String(found.Text ?? found.toString()).trim();
}

/** The name of an expression's type, such as 'long'; null when it has none. */
function typeOf(expression) {
    return expression?.ResultType?.Name ?? null;
}

/** A tabular symbol's columns as [{name, type}]. */
function columnsOf(symbol) {
    return array(symbol?.Columns).map((column) => ({ name: column.Name, type: column.Type.Name }));
}

/** The commands and queries of a script: {start, text}; an empty line ends one, as in Microsoft's own editor. */
function blocksOf(text) {
    return array(Language.Editor.CodeScript.From$1(text, Language.GlobalState.Default).Blocks)
        .map((block) => ({ start: block.Start, text: block.Text }))
        .filter((block) => block.text.split('\n').some((line) => line.trim() && !line.trim().startsWith('//')));
}

module.exports = { Language, array, listOf, kindOf, walk, ofKind, tokensOf, named, wordOf, typeOf, columnsOf, blocksOf };
