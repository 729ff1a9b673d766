metadata description = 'One user-assigned identity for the app and for each service that reaches into another, so that roles stand before what needs them.'

@description('Names of the identities, by principal as grants.json knows them.')
param names object

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for each in items(names): {
    name: each.value
    location: location
    tags: tags
  }
]

@description('What is known of each identity: principal, id, principalId, clientId.')
output identities array = [
  for (each, i) in items(names): {
    principal: each.key
    id: identities[i].id
    principalId: identities[i].properties.principalId
    clientId: identities[i].properties.clientId
  }
]
