// One request on stdin, {sets: [[{file, text}…]…]}, one answer on stdout, [{findings, models}…], both JSON.
// A finding is {file, model, code, message}; `models` says of each interface what its twins have, inherited or not:
// {extends: [id…], properties: {name: {schema, unit, values}}, relationships: {name: target}}.
// What one file of a set names, another may define.

import { readFileSync } from 'node:fs';
import { getInterop } from '@digicatapult/dtdl-parser';

const AZURE_CONTEXT = /^dtmi:dtdl:context;[23](#.*)?$/;
const UNIT = 'dtmi:dtdl:extension:quantitativeTypes:v1:property:unit';
const { parse } = await getInterop();

/** Models by id, with the file that each stands in; what can't be read is a finding. */
function readModels(files, findings) {
    const models = new Map();
    for (const { file, text } of files) {
        let content;
        try {
            content = JSON.parse(text);
        } catch (error) {
            findings.push({ file, model: null, code: 'json', message: error.message });
            continue;
        }
        for (const model of [content].flat()) {
            const id = model?.['@id'];
            if (!id) findings.push({ file, model: null, code: 'noId', message: 'a model has no @id' });
            else if (models.has(id)) findings.push({ file, model: id, code: 'duplicate', message: `@id also in ${models.get(id).file}` });
            else models.set(id, { file, model });
        }
    }
    return models;
}

/** What the parser says of the whole set: its entities by id, or null and findings. */
function parseModels(models, findings) {
    try {
        return JSON.parse(parse(JSON.stringify([...models.values()].map((each) => each.model))));
    } catch (error) {
        findings.push(...parserFindings(error, models));
        return null;
    }
}

function parserFindings(error, models) {
    const text = String(error?.message ?? error);
    let said;
    try {
        said = JSON.parse(text);
    } catch {
        return [{ file: '', model: null, code: 'parser', message: text.slice(0, 600) }];
    }
    if (said.ExceptionKind === 'Resolution') {
        return said.UndefinedIdentifiers.map((id) => {
            const user = [...models].find(([, { model }]) => JSON.stringify(model).includes(`"${id}"`));
            return { file: user?.[1].file ?? '', model: user?.[0] ?? null, code: 'undefined', message: `there is no model ${id}` };
        });
    }
    return said.Errors.map((each) => {
        const id = each.PrimaryID ?? '';
        const model = [...models.keys()].find((known) => id === known || id.startsWith(`${known.replace(/;.*/, '')}:`));
        const code = String(each.ValidationID ?? '').replace('dtmi:dtdl:parsingError:', '');
        return { file: models.get(model)?.file ?? '', model: id || null, code, message: `${each.Cause ?? ''} ${each.Action ?? ''}`.trim() };
    });
}

/** What the language allows and Azure Digital Twins does not take. */
function azureFindings(entities, models) {
    const found = [];
    const add = (id, code, message) => found.push({ file: models.get(id)?.file ?? '', model: id, code, message });
    for (const [id, { model }] of models) {
        if (![model['@context']].flat().some((context) => AZURE_CONTEXT.test(context))) {
            add(id, 'context', 'Azure Digital Twins takes DTDL v2 and v3');
        }
    }
    for (const entity of Object.values(entities)) {
        if (entity.EntityKind === 'Relationship' && entity.target && !models.has(entity.target)) {
            add(entity.DefinedIn, 'target', `relationship ${entity.name} targets ${entity.target}, which is not among the models`);
        }
    }
    return found;
}

const lastPart = (id) => id.replace(/;\d+$/, '').split(':').at(-1);

function describe(entities, models) {
    const described = {};
    for (const id of models.keys()) {
        const contents = Object.values(entities[id].contents).map((each) => entities[each]);
        const ofKind = (kind) => contents.filter((each) => each.EntityKind === kind);
        described[id] = {
            extends: entities[id].extends ?? [],
            properties: Object.fromEntries(ofKind('Property').map((each) => [each.name, describeProperty(each, entities)])),
            relationships: Object.fromEntries(ofKind('Relationship').map((each) => [each.name, each.target ?? null])),
        };
    }
    return described;
}

function describeProperty(property, entities) {
    const schema = entities[property.schema];
    const unit = property.SupplementalProperties[UNIT];
    return {
        schema: schema?.EntityKind === 'Enum' ? 'enum' : lastPart(property.schema),
        unit: unit ? lastPart(unit) : null,
        values: schema?.EntityKind === 'Enum' ? schema.enumValues.map((each) => entities[each].enumValue) : [],
    };
}

function check(files) {
    const findings = [];
    const models = readModels(files, findings);
    const entities = parseModels(models, findings);
    if (entities) findings.push(...azureFindings(entities, models));
    return { findings, models: entities ? describe(entities, models) : {} };
}

const { sets } = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(sets.map(check)), () => process.exit(0));
