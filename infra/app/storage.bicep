metadata description = 'The storage account: the Functions host, dead letters, the archive, captured events, the app package. No shared keys.'

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Reached through private endpoints only.')
param isPrivate bool

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var topology = loadJsonContent('../../topology.json')
var containers = any(union(topology.storage.containers, topology.storage.cloudContainers))
var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'storage' && !empty(principals[grant.principal])
)
var onAccount = filter(given, grant => grant.resource == 'account')
var onContainers = filter(given, grant => grant.resource != 'account')

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for container in items(containers): {
    parent: blobs
    name: container.value
    properties: { publicAccess: 'None' }
  }
]

resource grantedContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [
  for grant in onContainers: {
    parent: blobs
    name: containers[grant.resource]
  }
]

resource accountRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in onAccount: {
    scope: account
    name: guid(account.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
  }
]

resource containerRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, i) in onContainers: {
    scope: grantedContainers[i]
    name: guid(account.id, grant.resource, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
    dependsOn: [blobContainers]
  }
]

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
