metadata description = 'The Digital Twins instance. Its endpoints and data history need roles of other services first: twin-routes.bicep.'

@description('Name of the instance.')
@minLength(3)
@maxLength(63)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Resource id of the identity that sends to the hubs.')
param identity string

@description('Reached through private endpoints only.')
param isPrivate bool

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'digitalTwins' && !empty(principals[grant.principal])
)

resource twins 'Microsoft.DigitalTwins/digitalTwinsInstances@2023-01-31' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity}': {} }
  }
  properties: { publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled' }
}

resource twinsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in given: {
    scope: twins
    name: guid(twins.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
  }
]

output id string = twins.id
output name string = twins.name
output url string = 'https://${twins.properties.hostName}'
