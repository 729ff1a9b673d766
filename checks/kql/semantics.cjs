'use strict';
// What the service refuses in a query and the parser lets pass. Each check yields {code, message, at}.

const { array, kindOf, ofKind, typeOf } = require('./language.cjs');

const NUMBERS = ['int', 'long', 'real', 'decimal'];
const OTHERS = ['string', 'datetime', 'timespan', 'bool', 'guid'];
const NEED_ORDER = new Set('prev next row_number row_cumsum row_rank_dense row_rank_min row_window_session'.split(' '));

function family(type) {
    if (NUMBERS.includes(type)) return 'number';
    return OTHERS.includes(type) ? type : null;
}

const clash = (a, b) => family(a) && family(b) && family(a) !== family(b);

/** SEM0064: values of different kinds are not comparable. */
function* comparisons(root) {
    for (const node of ofKind(root, 'BinaryExpression')) {
        if (!/^(==|!=|=~|!~|<|>|<=|>=)$/.test(node.Operator?.Text ?? '')) continue;
        const [left, right] = [typeOf(node.Left), typeOf(node.Right)];
        if (clash(left, right)) yield { code: 'comparison', message: `${left} is compared with ${right}`, at: node.Right };
    }
    for (const node of ofKind(root, 'InExpression')) {
        for (const { Element: item } of array(node.Right?.Expressions)) {
            const [left, right] = [typeOf(node.Left), typeOf(item)];
            if (clash(left, right)) yield { code: 'comparison', message: `${left} is compared with ${right}`, at: item };
        }
    }
}

/** Window functions need rows in an order. */
function* order(root) {
    for (const call of ofKind(root, 'FunctionCallExpression')) {
        if (!NEED_ORDER.has(call.Name.SimpleName)) continue;
        const input = inputOf(call);
        if (input?.Columns && !input.IsSerialized && !input.IsSorted) {
            yield { code: 'order', message: `${call.Name.SimpleName}() needs sorted or serialized rows`, at: call };
        }
    }
}

function inputOf(call) {
    let [child, parent] = [call, call.Parent];
    while (parent && !(kindOf(parent) === 'PipeExpression' && parent.Operator === child)) [child, parent] = [parent, parent.Parent];
    return parent?.Expression?.ResultType;
}

/** Arguments of stored functions have the parameters' types. */
function* argumentTypes(root, database) {
    for (const call of ofKind(root, 'FunctionCallExpression')) {
        const symbol = call.ReferencedSymbol;
        if (!symbol || database.functions.get(symbol.Name) !== symbol) continue;
        const parameters = array(array(symbol.Signatures)[0]?.Parameters);
        for (const [i, { Element: argument }] of array(call.ArgumentList?.Expressions).entries()) {
            yield* argumentType(argument, i, parameters, symbol.Name);
        }
    }
}

function* argumentType(argument, position, parameters, name) {
    const isNamed = kindOf(argument) === 'SimpleNamedExpression';
    const parameter = isNamed ? parameters.find((p) => p.Name === argument.Name.SimpleName) : parameters[position];
    const wanted = array(parameter?.DeclaredTypes)[0]?.Name;
    const given = typeOf(isNamed ? argument.Expression : argument);
    if (clash(wanted, given)) {
        yield { code: 'argument', message: `${parameter.Name} of ${name}() is ${wanted}, not ${given}`, at: argument };
    }
}

function* questionable(root, database) {
    yield* comparisons(root);
    yield* order(root);
    yield* argumentTypes(root, database);
}

/** The stored functions that a text calls itself. */
function calledFunctions(root, database) {
    const names = ofKind(root, 'FunctionCallExpression').map((call) => call.Name.SimpleName);
    return [...new Set(names)].filter((name) => database.functions.has(name));
}

module.exports = { questionable, calledFunctions };
