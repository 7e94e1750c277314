// swift-tools-version: 6.0
import AppleProductTypes
import PackageDescription

let package = Package(
  name: "ActivitySample",
  platforms: [.iOS("17.0")],
  products: [
    .iOSApplication(
      name: "ActivitySample",
      targets: ["ActivitySample"],
      bundleIdentifier: "com.example.activitysample",
      displayVersion: "1.0",
      bundleVersion: "1",
      appIcon: .placeholder(icon: .running),
      accentColor: .presetColor(.blue),
      supportedDeviceFamilies: [.phone, .pad],
      supportedInterfaceOrientations: [.portrait],
      capabilities: [
        .motion(purposeString: "Shows what you are doing. Nothing leaves the phone.")
      ]
    )
  ],
  dependencies: [
    // Written by `edgeconv integrate ios BUNDLE --out samples/ios/SensorRecognition`.
    .package(path: "../SensorRecognition")
  ],
  targets: [
    .executableTarget(
      name: "ActivitySample",
      dependencies: [
        .product(name: "SensorRecognition", package: "SensorRecognition"),
        .product(name: "SensorStreaming", package: "SensorRecognition"),
      ],
      path: "."
    )
  ]
)
