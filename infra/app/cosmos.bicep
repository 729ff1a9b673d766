metadata description = 'Cosmos DB: the operational store and the leases. No keys; data roles of exactly the actions that the code uses.'

@description('Name of the account.')
@minLength(3)
@maxLength(44)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Serverless has no standing cost and serves up to some 20,000 RU/s; autoscale takes more and has availability zones.')
@allowed(['serverless', 'autoscale'])
param capacityMode string

@description('Autoscale goes up to so many RU/s on the telemetry container, and down to a tenth (autoscale only).')
@minValue(1000)
@maxValue(1000000)
param maximumThroughput int

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Reached through private endpoints only.')
param isPrivate bool

var topology = loadJsonContent('../../topology.json')
var roles = loadJsonContent('../cosmos-roles.json')
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'cosmos' && !empty(principals[grant.principal])
)
var isServerless = capacityMode == 'serverless'

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: false }]
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    capabilities: isServerless ? [{ name: 'EnableServerless' }] : []
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: 'Continuous7Days' } }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2024-11-15' = {
  parent: account
  name: topology.cosmos.database
  properties: { resource: { id: topology.cosmos.database } }
}

resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2024-11-15' = [
  for container in items(any(topology.cosmos.containers)): {
    parent: database
    name: container.key
    properties: {
      resource: {
        id: container.key
        partitionKey: {
          paths: container.value.partitionKey
          kind: length(container.value.partitionKey) > 1 ? 'MultiHash' : 'Hash'
          version: 2
        }
        defaultTtl: container.value.?defaultTtl
        indexingPolicy: {
          automatic: true
          indexingMode: 'consistent'
          includedPaths: map(container.value.?indexedPaths ?? ['/*'], path => { path: path })
          excludedPaths: contains(container.value, 'indexedPaths') ? [{ path: '/*' }] : []
        }
      }
      options: isServerless
        ? {}
        : { autoscaleSettings: { maxThroughput: contains(container.value, 'defaultTtl') ? maximumThroughput : 1000 } }
    }
  }
]

@batchSize(1)
resource roleDefinitions 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2024-11-15' = [
  for role in items(roles): {
    parent: account
    name: guid(account.id, role.key)
    properties: {
      roleName: role.key
      type: 'CustomRole'
      assignableScopes: [account.id]
      permissions: [{ dataActions: role.value }]
    }
  }
]

@batchSize(1)
resource roleAssignments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2024-11-15' = [
  for grant in given: {
    parent: account
    name: guid(account.id, grant.principal, grant.resource, grant.role)
    properties: {
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${guid(account.id, grant.role)}'
      principalId: principals[grant.principal]
      scope: grant.resource == 'account'
        ? account.id
        : '${account.id}/dbs/${topology.cosmos.database}/colls/${grant.resource}'
    }
    dependsOn: [roleDefinitions, containers]
  }
]

output id string = account.id
output name string = account.name
output endpoint string = account.properties.documentEndpoint
