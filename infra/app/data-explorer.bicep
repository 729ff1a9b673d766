metadata description = 'The Data Explorer cluster, the iot database, and the scripts of kql/ in order. What needs its roles with other services is in ingestion.bicep.'

@description('Name of the cluster.')
@minLength(4)
@maxLength(22)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('SKU. Those with "Dev(No SLA)" have one instance.')
param sku string

@description('Instances (production SKUs only).')
@minValue(2)
@maxValue(1000)
param instances int

@description('Stops the cluster when it was idle for some days. It starts again with Start in the portal or `az kusto cluster start`.')
param autoStop bool

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

@description('Reached through private endpoints only.')
param isPrivate bool

var topology = loadJsonContent('../../topology.json')
var isDevelopment = startsWith(sku, 'Dev')
var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'dataExplorer' && !empty(principals[grant.principal])
)
var ofDatabase = filter(given, grant => grant.resource == 'database')
var ofResource = filter(given, grant => grant.resource == 'resource')
// loadTextContent takes no variable, so each script stands here; checks/bicep compares the list with kql/
var scripts = [
  { name: '010-bronze', content: loadTextContent('../../kql/010-bronze.kql') }
  { name: '020-silver', content: loadTextContent('../../kql/020-silver.kql') }
  { name: '030-gold', content: loadTextContent('../../kql/030-gold.kql') }
  { name: '040-functions', content: loadTextContent('../../kql/040-functions.kql') }
  { name: '050-twin-history', content: loadTextContent('../../kql/050-twin-history.kql') }
  { name: '055-twin-functions', content: loadTextContent('../../kql/055-twin-functions.kql') }
  { name: '060-dead-letters', content: loadTextContent('../../kql/060-dead-letters.kql') }
  { name: '070-time-series', content: loadTextContent('../../kql/070-time-series.kql') }
]

resource cluster 'Microsoft.Kusto/clusters@2024-04-13' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: isDevelopment ? 'Basic' : 'Standard'
    capacity: isDevelopment ? 1 : instances
  }
  identity: { type: 'SystemAssigned' }
  properties: {
    enableStreamingIngest: true
    enableAutoStop: autoStop
    enableDiskEncryption: true
    enablePurge: false
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    trustedExternalTenants: []
  }
}

resource database 'Microsoft.Kusto/clusters/databases@2024-04-13' = {
  parent: cluster
  name: topology.dataExplorer.database
  location: location
  kind: 'ReadWrite'
  properties: {
    softDeletePeriod: 'P1827D'
    hotCachePeriod: 'P31D'
  }
}

@batchSize(1)
resource assignments 'Microsoft.Kusto/clusters/databases/principalAssignments@2024-04-13' = [
  for grant in ofDatabase: {
    parent: database
    name: guid(database.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal != 'operator' || operatorType == 'ServicePrincipal' ? 'App' : operatorType
      tenantId: tenant().tenantId
      role: grant.role
    }
  }
]

resource databaseRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in ofResource: {
    scope: database
    name: guid(database.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
  }
]

@batchSize(1)
resource databaseScripts 'Microsoft.Kusto/clusters/databases/scripts@2024-04-13' = [
  for script in scripts: {
    parent: database
    name: script.name
    properties: {
      scriptContent: script.content
      continueOnErrors: false
      forceUpdateTag: uniqueString(script.content)
    }
    dependsOn: [assignments]
  }
]

output id string = cluster.id
output name string = cluster.name
output principalId string = cluster.identity.principalId
output uri string = cluster.properties.uri
output ingestUri string = cluster.properties.dataIngestionUri
