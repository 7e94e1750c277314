import SwiftUI

@main
struct ActivitySampleApp: App {
  var body: some Scene {
    WindowGroup { ActivityView() }
  }
}
