'use strict';
// What a real cluster refuses and the parser lets pass. Each rule yields {code, message, at: node or undefined}.
// Sources: learn.microsoft.com/kusto/management: "Configure a database using a script", "Update policy",
// ".create materialized-view", "JSON mapping", "Materialized views policies".

const { array, kindOf, named, ofKind, tokensOf, wordOf, columnsOf } = require('./language.cjs');

const VERBS = ['create', 'create-or-alter', 'create-merge', 'alter', 'alter-merge', 'add'];
const POLICY_FIELDS = ['IsEnabled', 'Source', 'SourceIsWildCard', 'Query', 'IsTransactional', 'PropagateIngestionProperties', 'ManagedIdentity'];
const VIEW_AGGREGATES = new Set(
    ('count countif dcount dcountif min max avg avgif sum sumif arg_max arg_min take_any take_anyif hll ' +
        'make_set make_list make_bag percentile percentiles tdigest').split(' '),
);
const VIEW_FORBIDDEN = ['SortOperator', 'TopOperator', 'TopNestedOperator', 'PartitionOperator', 'SerializeOperator'];
const CLOCKS = ['now', 'ago', 'ingestion_time'];

const signature = (columns) => columns.map(({ name, type }) => `${name}: ${type}`).join(', ');

/** Script resources take few verbs, and running a script twice must change nothing. */
function* verbs(command, database) {
    const words = tokensOf(command).slice(1);
    if (!VERBS.includes(words[0])) {
        yield { code: 'verb', message: `'.${words[0]}' is no verb of a script resource; those are .${VERBS.join(', .')}` };
    } else if (words[0] === 'create' && !words.slice(0, 4).includes('ifnotexists')) {
        yield { code: 'verb', message: "'.create' fails the second time: use create-or-alter, create-merge or ifnotexists" };
    }
    const target = wordOf(command, 'DatabaseName');
    if (target && target !== database.name) yield { code: 'target', message: `database '${target}' is not ${database.name}` };
}

/** A policy stands on something that an earlier command made. */
function* targets(command, database) {
    if (!/Policy/.test(command.CommandKind)) return;
    for (const [name, made] of [['TableName', database.tables], ['MaterializedViewName', database.views]]) {
        const target = wordOf(command, name);
        if (target && !made.has(target)) yield { code: 'target', message: `no earlier command creates '${target}'`, at: command };
    }
}

/** The JSON of policies and mappings can be read. */
function* json(command) {
    if (!/Policy|IngestionMapping/.test(command.CommandKind)) return;
    for (const literal of ofKind(command, 'LiteralExpression')) {
        const text = String(literal.LiteralValue ?? '').trim();
        if (/^[[{]/.test(text) && parsed(text) === undefined) yield { code: 'json', message: 'this is no JSON', at: literal };
    }
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch (error) {
        if (error instanceof SyntaxError) return undefined;
        throw error;
    }
}

/** An update policy fills its table exactly: same types in the same order, and transactionally, so that no row is lost. */
function* updatePolicy(command, database) {
    if (!/TablePolicyUpdate$/.test(command.CommandKind)) return;
    const [literal] = named(command, 'UpdatePolicy');
    const table = wordOf(command, 'TableName');
    for (const policy of [parsed(literal?.LiteralValue ?? '') ?? []].flat()) {
        for (const field of Object.keys(policy)) {
            if (!POLICY_FIELDS.includes(field)) yield { code: 'update-policy', message: `unknown field "${field}"`, at: literal };
        }
        if (!database.tables.has(policy.Source)) {
            yield { code: 'update-policy', message: `no earlier command creates the source '${policy.Source}'`, at: literal };
        }
        if (String(policy.IsTransactional).toLowerCase() !== 'true') {
            yield { code: 'update-policy', message: 'not transactional: a failure would lose rows', at: literal };
        }
        yield* policyQuery(policy.Query ?? '', table, database, literal);
    }
}

function* policyQuery(query, table, database, literal) {
    const code = database.analyze(query);
    for (const problem of array(code.GetDiagnostics())) yield { code: 'update-policy', message: problem.Message, at: literal };
    const made = signature(columnsOf(code.ResultType));
    const wanted = signature(columnsOf(database.tables.get(table)));
    if (made !== wanted) yield { code: 'update-policy', message: `the query makes (${made}), but ${table} is (${wanted})`, at: literal };
}

/** A mapping names columns that its table has, each by a JSON path. */
function* mapping(command, database) {
    if (!/TableIngestionMapping$/.test(command.CommandKind)) return;
    const table = wordOf(command, 'TableName');
    if (!database.tables.has(table)) {
        yield { code: 'mapping', message: `no earlier command creates '${table}'` };
        return;
    }
    const known = new Set(columnsOf(database.tables.get(table)).map((column) => column.name));
    const [literal] = named(command, 'MappingFormat');
    for (const entry of parsed(literal?.LiteralValue ?? '') ?? []) {
        const column = entry.column ?? entry.Column;
        const { Path: path, Transform: transform } = entry.Properties ?? {};
        if (!known.has(column)) yield { code: 'mapping', message: `${table} has no column '${column}'`, at: literal };
        if (!transform && !/^\$/.test(path ?? '')) {
            yield { code: 'mapping', message: `'${column}' needs a Path that starts with $, not '${path}'`, at: literal };
        }
    }
}

/** A view is one summarize over its source, of aggregates that can be kept up to date. */
function* view(command, database) {
    if (!/MaterializedView/.test(command.CommandKind) || /Policy/.test(command.CommandKind)) return;
    const [body] = named(command, 'SourceBody');
    const summaries = ofKind(body, 'SummarizeOperator');
    const last = body && named(body, 'Expression')[0]?.Operator;
    if (summaries.length !== 1 || last !== summaries[0]) {
        yield { code: 'view', message: 'a view is exactly one summarize, as its last operator', at: body };
        return;
    }
    if (!summaries[0].ByClause) yield { code: 'view', message: 'a view summarizes by something', at: body };
    yield* viewOperators(body);
    yield* viewAggregates(summaries[0]);
    const base = wordOf(command, 'SourceMaterializedViewName');
    if (base && !database.viewSources.get(base)?.takesAny) {
        yield { code: 'view', message: `a view stands only on a take_any(*) view, and '${base}' is none`, at: body };
    }
    const source = base ?? wordOf(command, 'TableName') ?? wordOf(command, 'SourceTableName');
    const [start] = ofKind(body, 'NameReference');
    if (start.SimpleName !== source) yield { code: 'view', message: `the query must start with its source '${source}'`, at: body };
}

function* viewOperators(body) {
    for (const kind of VIEW_FORBIDDEN) {
        for (const found of ofKind(body, kind)) yield { code: 'view', message: `${kind} is not allowed in a view`, at: found };
    }
    for (const call of ofKind(body, 'FunctionCallExpression')) {
        const name = call.Name.SimpleName;
        if (CLOCKS.includes(name)) yield { code: 'view', message: `${name}() is not allowed in a view`, at: call };
    }
}

function* viewAggregates(summarize) {
    for (const { Element: element } of array(summarize.Aggregates)) {
        const call = kindOf(element) === 'SimpleNamedExpression' ? element.Expression : element;
        if (kindOf(call) !== 'FunctionCallExpression' || !VIEW_AGGREGATES.has(call.Name.SimpleName)) {
            yield { code: 'view', message: `'${call.toString().trim()}' can't be kept up to date by a view`, at: call };
        }
    }
}

/** Once all is known: a view's source keeps its rows at least as long as the view. */
function* retention(database) {
    for (const [name, { overView }] of database.viewSources) {
        const [days, base] = [database.retention.get(name), database.retention.get(overView)];
        if (!database.retention.has(name)) yield { code: 'retention', message: `view ${name} has no retention policy` };
        else if (overView && days > base) yield { code: 'retention', message: `${name} keeps ${days}d, longer than ${overView} (${base}d)` };
    }
}

const COMMAND_RULES = [verbs, targets, json, updatePolicy, mapping, view];

function* brokenRules(command, database) {
    for (const rule of COMMAND_RULES) yield* rule(command, database);
}

module.exports = { brokenRules, retention };
