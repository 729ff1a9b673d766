'use strict';
// The database that the scripts build, learnt from their commands one by one, as a cluster would run them.

const { Language, array, listOf, named, ofKind, wordOf, columnsOf } = require('./language.cjs');
const { Symbols } = Language;

const CLUSTER = 'local';

/** The table columns that a command declares, as [{name, type}]. */
function declaredColumns(command) {
    const types = named(command, 'ColumnType');
    return named(command, 'ColumnName')
        .slice(0, types.length)
        .map((name, i) => ({ name: name.SimpleName, type: types[i].toString().trim() }));
}

function schemaText(columns) {
    return '(' + columns.map(({ name, type }) => `['${name}']: ${type}`).join(', ') + ')';
}

class Database {
    constructor(name) {
        this.name = name;
        this.tables = new Map();
        this.externalTables = new Map();
        this.views = new Map();
        this.functions = new Map();
        this.mappings = new Map(); // 'table/mapping' → its kind
        this.viewSources = new Map(); // view → {source, overView, takesAny}
        this.retention = new Map(); // table or view → soft delete in days
        this.state = null;
    }

    /** The parser's view of everything learnt so far. */
    get globals() {
        if (!this.state) {
            const symbols = [this.tables, this.externalTables, this.views, this.functions].flatMap((m) => [...m.values()]);
            const database = new Symbols.DatabaseSymbol.$ctor1(this.name, listOf(Symbols.Symbol, symbols), false);
            const cluster = new Symbols.ClusterSymbol.$ctor1(CLUSTER, listOf(Symbols.DatabaseSymbol, [database]), false);
            this.state = Language.GlobalState.Default.WithCluster(cluster).WithDatabase(database);
        }
        return this.state;
    }

    analyze(text) {
        return Language.KustoCode.ParseAndAnalyze(text, this.globals);
    }

    /** Learns what a command makes, if it makes anything that another command or a query can name. */
    learn(command) {
        const kind = command.CommandKind;
        if (/TableIngestionMapping$/.test(kind)) this.#learnMapping(command);
        else if (/(Table|MaterializedView)PolicyRetention$/.test(kind)) this.#learnRetention(command);
        else if (this.#learnSymbol(command, kind)) this.state = null;
    }

    #learnSymbol(command, kind) {
        if (/^(Create|CreateMerge|CreateOrAlter|Alter|AlterMerge)Table$/.test(kind)) this.#learnTable(command);
        else if (/ExternalTable$/.test(kind)) this.#learnExternalTable(command);
        else if (/^(Create|Alter|CreateOrAlter)Function$/.test(kind)) this.#learnFunction(command);
        else if (/^(Create|Alter|CreateOrAlter)MaterializedView(OverMaterializedView)?$/.test(kind)) this.#learnView(command);
        else return false;
        return true;
    }

    #learnTable(command) {
        const name = wordOf(command, 'TableName');
        const merged = new Map(columnsOf(this.tables.get(name)).map((column) => [column.name, column]));
        for (const column of declaredColumns(command)) if (!merged.has(column.name)) merged.set(column.name, column);
        this.tables.set(name, new Symbols.TableSymbol.$ctor7(name, schemaText([...merged.values()]), null));
    }

    #learnExternalTable(command) {
        const name = wordOf(command, 'ExternalTableName');
        const schema = schemaText(declaredColumns(command));
        this.externalTables.set(name, new Symbols.ExternalTableSymbol.$ctor4(name, schema, null));
    }

    #learnFunction(command) {
        const name = wordOf(command, 'FunctionName');
        const [parameters] = named(command, 'Parameters');
        const [body] = named(command, 'Body');
        if (!parameters || !body) return;
        const symbol = new Symbols.FunctionSymbol.$ctor16(name, parameters.toString(), body.toString(), null);
        this.functions.set(name, symbol);
    }

    #learnView(command) {
        const name = wordOf(command, 'MaterializedViewName');
        const [body] = named(command, 'SourceBody');
        if (!body) return;
        const query = body.toString().trim().slice(1, -1);
        const { ResultType: result } = this.analyze(query);
        if (!result?.Columns) return;
        this.views.set(name, new Symbols.MaterializedViewSymbol.$ctor2(name, result.Columns, query, null));
        this.viewSources.set(name, { overView: wordOf(command, 'SourceMaterializedViewName'), takesAny: takesAny(body) });
    }

    #learnMapping(command) {
        this.mappings.set(`${wordOf(command, 'TableName')}/${wordOf(command, 'MappingName')}`, wordOf(command, 'MappingKind'));
    }

    #learnRetention(command) {
        const target = wordOf(command, 'TableName') ?? wordOf(command, 'MaterializedViewName');
        const days = /^(\d+)d$/.exec(named(command, 'SoftDeleteValue')[0]?.toString().trim() ?? '');
        if (days) this.retention.set(target, Number(days[1]));
    }

    /** What other tools want to know of it, as plain data. */
    describe() {
        const columns = (symbols) => Object.fromEntries([...symbols].map(([name, symbol]) => [name, columnsOf(symbol)]));
        return {
            tables: columns(this.tables),
            externalTables: columns(this.externalTables),
            views: columns(this.views),
            functions: [...this.functions.keys()],
            mappings: Object.fromEntries(this.mappings),
        };
    }
}

/** Whether a view's body is a deduplication, the only kind of view that another view can stand on. */
function takesAny(body) {
    const aggregates = ofKind(body, 'SummarizeOperator').flatMap((summarize) => array(summarize.Aggregates));
    const [call] = aggregates.map((aggregate) => aggregate.Element);
    return aggregates.length === 1 && call.Name?.SimpleName === 'take_any' && ofKind(call, 'StarExpression').length === 1;
}

module.exports = { Database };
