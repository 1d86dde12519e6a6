// Scans @@line_comment and uploads the report with what was measured around it.
// ctem-token: a credential of the kind "Secret text"; make it at @@tokens_comment
// The agent has git, curl, Python 3.11 and a scanner that writes SARIF.
pipeline {
  agent any
  environment {
    CTEM = @@server_groovy
  }
  stages {
    stage('Scan') {
      when { branch @@line_groovy }
      steps {
        sh '''#!/usr/bin/env bash
          set -euo pipefail
          out=$WORKSPACE_TMP/ctem && rm -rf "$out" && mkdir -p "$out"
          @@scan
        '''
      }
    }
    stage('Upload') {
      when { branch @@line_groovy }
      steps {
        withCredentials([string(credentialsId: 'ctem-token', variable: 'CTEM_TOKEN')]) {
          sh '''#!/usr/bin/env bash
            set -euo pipefail
            out=$WORKSPACE_TMP/ctem
            @@upload
          '''
        }
      }
    }
  }
}
