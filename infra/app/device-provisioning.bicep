metadata description = 'The device provisioning service, linked to the IoT Hub by identity. The API is a preview: earlier ones link by key only.'

@description('Name of the provisioning service.')
@minLength(3)
@maxLength(64)
param name string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Host name of the IoT Hub.')
param iotHubHostName string

@description('Resource id of the identity that registers devices with the IoT Hub.')
param identity string

resource provisioning 'Microsoft.Devices/provisioningServices@2026-03-01-preview' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'S1', capacity: 1 }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity}': {} }
  }
  properties: {
    allocationPolicy: 'Hashed'
    iotHubs: [
      {
        location: location
        hostName: iotHubHostName
        authenticationType: 'UserAssigned'
        selectedUserAssignedIdentityResourceId: identity
      }
    ]
  }
}

output name string = provisioning.name
output idScope string = provisioning.properties.idScope
